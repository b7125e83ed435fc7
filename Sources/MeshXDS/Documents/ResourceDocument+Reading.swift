// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

extension ResourceDocument {
    /// Reads the document as a resource of a kind.
    /// - Parameter parent: Where the document stands in a larger one, for messages.
    func resource(
        _ kind: ResourceKind,
        _ registry: ExtensionRegistry,
        below parent: String = ""
    ) throws(ConfigurationError) -> ReadResource<XDSResource> {
        var encoder = DocumentEncoder()
        let bytes = encoder.message(root, kind.rawValue, at: .root)
        var problems: [Finding] = encoder.problems.map { problem in
            Finding(position: problem.position, path: problem.path.description, message: problem.message)
        }
        var context = DecodingContext(registry: registry)
        var resource: XDSResource?
        if problems.isEmpty {
            let (name, decoded) = ResourceDecoder.decode(bytes, as: kind, &context)
            resource = decoded
            if name?.isEmpty == true, kind == .cluster || kind == .endpointAssignment {
                context.reject(.root["name"], "is empty")
            }
        }
        let unknown = Unknowns(encoder.unknown, context)
        for problem in context.problems where !unknown.isPlaceholder(problem.path) {
            let position = position(of: problem.path)
            problems.append(Finding(position: position, path: problem.path, message: problem.message))
        }
        if resource == nil || !context.problems.isEmpty || !problems.isEmpty {
            problems += unknown.findings
            if problems.isEmpty {
                problems.append(Finding(position: root.position, path: "", message: "nothing in it is supported"))
            }
            throw ConfigurationError(problems.sorted().map { problem(of: $0, below: parent) })
        }
        guard let resource else { throw ConfigurationError(path: parent, "nothing in it is supported") }
        var reports = unknown.findings.map { report($0, below: parent, isUnknownField: true) }
        for ignored in context.ignored where !unknown.isPlaceholder(ignored.path) {
            let finding = Finding(position: position(of: ignored.path), path: ignored.path, message: ignored.reason)
            reports.append(report(finding, below: parent, isUnknownField: false))
        }
        reports.sort { ($0.position.line, $0.position.column) < ($1.position.line, $1.position.column) }
        return ReadResource(resource, ignored: reports)
    }

    private func problem(of finding: Finding, below parent: String) -> ConfigurationError.Problem {
        let place = DocumentPlace(file: file, position: finding.position)
        return .init(path: "\(place)\(finding.path(below: parent))", message: finding.message)
    }

    private func report(_ finding: Finding, below parent: String, isUnknownField: Bool) -> DocumentReport {
        DocumentReport(
            file: file,
            position: finding.position,
            path: finding.path(below: parent),
            reason: finding.message,
            isUnknownField: isUnknownField
        )
    }

    /// Where a field stands: the deepest part of its path that the document has.
    private func position(of path: String) -> DocumentPosition {
        var node = root
        var position = root.position
        var rest = path[...]
        while !rest.isEmpty {
            if rest.first == "." { rest = rest.dropFirst() }
            guard let step = node.step(along: rest) else { break }
            (node, position, rest) = (step.node, step.position, step.rest)
        }
        return position
    }
}

/// Something that is said about a place in a document.
private struct Finding: Comparable {
    var position: DocumentPosition
    var path: String
    var message: String

    func path(below parent: String) -> String {
        parent.isEmpty || path.isEmpty ? parent + path : "\(parent).\(path)"
    }

    static func < (left: Finding, right: Finding) -> Bool {
        (left.position.line, left.position.column) < (right.position.line, right.position.column)
    }
}

/// The fields of a document that the API does not have, with what the decoder makes of them.
private struct Unknowns {
    /// One for each field.
    private(set) var findings: [Finding]
    private static let suffix = "field_\(DocumentEncoder.unknownField)"

    init(_ unknown: [DocumentEncoder.Unknown], _ context: DecodingContext) {
        // The decoder sees one field for all unknown ones of a message; what it says beyond "not supported" is worth telling.
        var consequences: [String: String] = [:]
        for report in context.ignored where report.path.hasSuffix(Self.suffix) {
            if let remark = report.reason.split(separator: "; ", maxSplits: 1).dropFirst().first {
                let parent = report.path.dropLast(Self.suffix.count)
                consequences[String(parent.last == "." ? parent.dropLast() : parent)] = String(remark)
            }
        }
        findings = unknown.map { unknown in
            let consequence = consequences[unknown.parent.description].map { "; \($0)" } ?? ""
            return Finding(
                position: unknown.position,
                path: unknown.path.description,
                message: unknown.reason + consequence
            )
        }
    }

    func isPlaceholder(_ path: String) -> Bool { path.hasSuffix(Self.suffix) }
}

extension DocumentNode {
    /// The child that a path leads to first, where it stands, and what is left of the path.
    fileprivate func step(
        along path: Substring
    ) -> (node: DocumentNode, position: DocumentPosition, rest: Substring)? {
        switch value {
        case .list(let elements):
            guard path.first == "[", let end = path.firstIndex(of: "]"),
                let number = Int(path[path.index(after: path.startIndex)..<end]), elements.indices.contains(number)
            else { return nil }
            return (elements[number], elements[number].position, path[path.index(after: end)...])
        case .fields(let fields):
            var best: (field: Field, rest: Substring)?
            for field in fields {
                for prefix in [field.name, "[\(field.name)]"] {
                    guard let rest = path.rest(behind: prefix) ?? path.rest(behindJSONName: prefix) else { continue }
                    if best.map({ rest.count < $0.rest.count }) ?? true { best = (field, rest) }
                }
            }
            guard let best else { return nil }
            return (best.field.value, best.field.position, best.rest)
        case .null, .boolean, .number, .text: return nil
        }
    }
}

extension Substring {
    /// What follows behind a whole step of a path.
    fileprivate func rest(behind step: String) -> Substring? {
        guard hasPrefix(step) else { return nil }
        let rest = dropFirst(step.count)
        return rest.isEmpty || rest.first == "." || rest.first == "[" ? rest : nil
    }

    /// The same for a step that the document writes in JSON's way.
    fileprivate func rest(behindJSONName step: String) -> Substring? {
        let name = prefix { $0 != "." && $0 != "[" }
        guard KnownField.jsonName(of: String(name)) == step else { return nil }
        return dropFirst(name.count)
    }
}
