// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Reads one file, document by document.
struct FileReader {
    private(set) var manifests: [Manifest] = []
    private(set) var diagnostics: [Diagnostic] = []
    private let file: ManifestFile
    private let limits: ReadingLimits

    init(file: ManifestFile, limits: ReadingLimits) {
        self.file = file
        self.limits = limits
    }

    mutating func read() {
        guard file.bytes.count <= limits.maximumFileSize else {
            let message = "the file has \(file.bytes.count) bytes, and the limit is \(limits.maximumFileSize)"
            report(.fileTooLarge, line: 1, column: 1, message)
            return
        }
        let text: String
        do {
            text = try TextCheck.text(of: file.bytes)
        } catch {
            report(error.code, line: error.line, column: error.column, error.message)
            return
        }
        let documents = DocumentSplitter.split(text)
        guard documents.count <= limits.maximumDocuments else {
            let line = documents[limits.maximumDocuments].firstLine
            report(
                .tooManyDocuments,
                line: line,
                column: 1,
                "the file has more than \(limits.maximumDocuments) documents"
            )
            return
        }
        let context = ReadingContext(source: SourceText(file: file.name, text: text))
        var remainingValues = limits.maximumValues
        for document in documents {
            var parser = DocumentParser(
                document,
                file: file.name,
                maximumDepth: limits.maximumDepth,
                values: remainingValues
            )
            do {
                let parsed = try parser.parse()
                remainingValues = parsed.remainingValues
                guard let value = parsed.value else { continue }
                if let manifest = Self.manifest(value, context) { manifests.append(manifest) }
            } catch {
                report(error.code, line: error.line, column: error.column, error.message)
                // A budget that is spent stays spent.
                if error.code == .tooManyValues { break }
            }
        }
        diagnostics += context.diagnostics
    }

    private mutating func report(_ code: Diagnostic.Code, line: Int, column: Int, _ message: String) {
        diagnostics.append(
            Diagnostic(.error, code, file: file.name, line: line, column: column, message: message)
        )
    }

    /// Reads a document as a manifest; `nil` if it is none, or of an unknown kind.
    private static func manifest(_ value: YAMLValue, _ context: ReadingContext) -> Manifest? {
        if case .null = value.content { return nil }
        return FieldReader.read(value, named: "the manifest", context) { fields -> Manifest? in
            let version = fields.requiredText("apiVersion")
            let kind = fields.requiredText("kind")
            guard let version, let kind else {
                fields.acceptEverythingElse()
                return nil
            }
            switch ManifestKinds.find(kind: kind.value, apiVersion: version.value) {
            case .unknown:
                fields.acceptEverythingElse()
                let suggestion = NearestName.suggestion(for: kind.value, among: ManifestKinds.all.map { $0.kind })
                context.warning(
                    .unknownKind,
                    at: kind.position,
                    "the kind \(kind.value) of \(version.value) is not known and is skipped\(suggestion)"
                )
                return nil
            case .otherVersion(let versions):
                fields.acceptEverythingElse()
                context.error(
                    .unknownVersion,
                    at: version.position,
                    "\(kind.value) has no version \(version.value); known are \(versions.joined(separator: ", "))"
                )
                return nil
            case .found(let type): return manifest(&fields, type, version.value, kind)
            }
        } ?? nil
    }

    private static func manifest(
        _ fields: inout FieldReader,
        _ type: any ManifestKind.Type,
        _ version: String,
        _ kind: Located<String>
    ) -> Manifest? {
        if let successor = type.successor {
            fields.context.report(
                .deprecation,
                .deprecatedKind,
                at: kind.position,
                "\(kind.value) of \(version) is deprecated; its successor is \(successor)"
            )
        }
        fields.accept("status")
        guard let metadata = fields.metadata(at: fields.position) else {
            fields.acceptEverythingElse()
            return nil
        }
        return type.init(&fields, metadata: metadata).map { content in
            Manifest(
                apiVersion: version,
                kind: kind.value,
                namespace: metadata.namespace,
                name: metadata.name,
                position: metadata.position,
                content: content
            )
        }
    }
}
