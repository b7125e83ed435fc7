// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A file of YAML as values with their places, whatever they mean: for files that are no manifests.
package struct YAMLFile: Sendable {
    /// The documents that have a value, in order.
    package let documents: [YAMLValue]

    /// Reads a file, on a thread of its own with room for deep nesting.
    /// - Throws: What is wrong first, as a diagnostic with its place.
    /// - Complexity: O(size of the file), within the limits.
    package init(_ file: ManifestFile, limits: ReadingLimits = ReadingLimits()) throws(Failure) {
        documents = try RoomyStack.run { Self.read(file, limits) }.get()
    }

    /// Why a file has no values.
    package struct Failure: Error, Hashable, Sendable {
        /// What is wrong, and where.
        package let diagnostic: Diagnostic
    }

    private static func read(_ file: ManifestFile, _ limits: ReadingLimits) -> Result<[YAMLValue], Failure> {
        func failure(_ code: Diagnostic.Code, line: Int, column: Int, _ message: String) -> Failure {
            Failure(
                diagnostic: Diagnostic(.error, code, file: file.name, line: line, column: column, message: message)
            )
        }
        guard file.bytes.count <= limits.maximumFileSize else {
            let message = "the file has \(file.bytes.count) bytes, and the limit is \(limits.maximumFileSize)"
            return .failure(failure(.fileTooLarge, line: 1, column: 1, message))
        }
        do {
            let splits = DocumentSplitter.split(try TextCheck.text(of: file.bytes))
            guard splits.count <= limits.maximumDocuments else {
                let message = "the file has more than \(limits.maximumDocuments) documents"
                let line = splits[limits.maximumDocuments].firstLine
                return .failure(failure(.tooManyDocuments, line: line, column: 1, message))
            }
            var values: [YAMLValue] = []
            var remaining = limits.maximumValues
            for split in splits {
                var parser = DocumentParser(
                    split,
                    file: file.name,
                    maximumDepth: limits.maximumDepth,
                    values: remaining
                )
                let parsed = try parser.parse()
                remaining = parsed.remainingValues
                if let value = parsed.value { values.append(value) }
            }
            return .success(values)
        } catch {
            return .failure(failure(error.code, line: error.line, column: error.column, error.message))
        }
    }
}
