// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Yams

/// Parses one document with Yams and turns it into values of our own, within limits.
struct DocumentParser {
    /// Why a document has no value.
    typealias Problem = TextCheck.Problem

    private let file: String
    private let firstLine: Int
    private let mask: AliasMask
    private let maximumDepth: Int
    private var remainingValues: Int
    private var anchors: [String: Anchored] = [:]

    private struct Anchored {
        var value: YAMLValue
        var count: Int
        var height: Int
    }

    /// - Parameter values: How many values the document may still have.
    init(_ document: DocumentSplitter.Document, file: String, maximumDepth: Int, values: Int) {
        self.file = file
        self.firstLine = document.firstLine
        self.mask = AliasMask(document.text)
        self.maximumDepth = maximumDepth
        self.remainingValues = values
    }

    /// The document's value, `nil` if it has none, and how many values are left.
    mutating func parse() throws(Problem) -> (value: YAMLValue?, remainingValues: Int) {
        do {
            // Without rules the resolver never runs its regular expressions on a hostile key.
            let parser = try Parser(yaml: mask.text, resolver: .basic, encoding: .utf8)
            // Anchors are weak references into the parser.
            return try withExtendedLifetime(parser) {
                guard let root = try parser.nextRoot() else { return (nil, remainingValues) }
                let value = try convert(root, depth: 1).value
                if let second = try parser.nextRoot() {
                    throw problem(.invalidYAML, at: second.mark, "a second document begins here without ---")
                }
                return (value, remainingValues)
            }
        } catch let problem as Problem {
            throw problem
        } catch let error as YamlError {
            throw problem(for: error)
        } catch {
            throw problem(.invalidYAML, at: nil, "the document cannot be parsed: \(error)")
        }
    }

    private struct Converted {
        var value: YAMLValue
        var count = 1
        var height = 1

        mutating func add(_ child: Converted) {
            count += child.count
            height = max(height, child.height + 1)
        }
    }

    private mutating func convert(_ node: Yams.Node, depth: Int) throws(Problem) -> Converted {
        let position = position(of: node.mark)
        guard depth <= maximumDepth else { throw tooDeep(node.mark) }
        try spend(1, node.mark)
        var converted = Converted(value: YAMLValue(content: .null, position: position))
        switch node {
        case .scalar(let scalar):
            switch try read(scalar) {
            case .alias(let name): return try resolve(name, scalar.mark, depth: depth)
            case .value(let content): converted.value.content = content
            }
        case .sequence(let sequence):
            try refuseTag(sequence.tag, unless: "seq", sequence.mark)
            var elements: [YAMLValue] = []
            for element in sequence {
                let child = try convert(element, depth: depth + 1)
                converted.add(child)
                elements.append(child.value)
            }
            converted.value.content = .sequence(elements)
        case .mapping(let mapping):
            try refuseTag(mapping.tag, unless: "map", mapping.mark)
            converted.value.content = .mapping(try entries(of: mapping, depth: depth, into: &converted))
        case .alias(let alias):
            throw problem(.invalidYAML, at: alias.mark, "an alias stands where none can")
        }
        if let anchor = node.anchor {
            anchors[anchor.description] = Anchored(
                value: converted.value,
                count: converted.count,
                height: converted.height
            )
        }
        return converted
    }

    private mutating func entries(
        of mapping: Yams.Node.Mapping,
        depth: Int,
        into converted: inout Converted
    ) throws(Problem) -> [YAMLValue.Entry] {
        var entries: [YAMLValue.Entry] = []
        var merged: [YAMLValue.Entry] = []
        var keys: Set<String> = []
        for (keyNode, valueNode) in mapping {
            let key = try key(keyNode)
            let child = try convert(valueNode, depth: depth + 1)
            converted.add(child)
            if key == "<<", isPlain(keyNode) {
                merged += try mergedEntries(child.value, keyNode.mark)
                continue
            }
            guard keys.insert(key).inserted else {
                throw problem(.duplicateKey, at: keyNode.mark, "the key \(key) stands twice in this mapping")
            }
            entries.append(YAMLValue.Entry(key: key, position: position(of: keyNode.mark), value: child.value))
        }
        // A mapping's own keys win over merged ones, earlier merged ones over later ones (YAML's merge key draft).
        for entry in merged where keys.insert(entry.key).inserted { entries.append(entry) }
        return entries
    }

    private func mergedEntries(_ value: YAMLValue, _ mark: Mark?) throws(Problem) -> [YAMLValue.Entry] {
        switch value.content {
        case .mapping(let entries): return entries
        case .sequence(let elements):
            var entries: [YAMLValue.Entry] = []
            for element in elements { entries += try mergedEntries(element, mark) }
            return entries
        case .null, .scalar:
            throw problem(.invalidYAML, at: mark, "<< merges mappings, and this is \(value.typeName)")
        }
    }

    private func key(_ node: Yams.Node) throws(Problem) -> String {
        guard case .scalar(let scalar) = node else {
            throw problem(.invalidKey, at: node.mark, "a key must be text")
        }
        guard case .value(.scalar(let key)) = try read(scalar) else {
            throw problem(.invalidKey, at: node.mark, "a key must be text; an alias or nothing cannot be one")
        }
        return key.text
    }

    private func isPlain(_ node: Yams.Node) -> Bool {
        node.scalar?.style == .plain
    }

    private enum Scalar {
        case value(YAMLValue.Content)
        case alias(String)
    }

    private func read(_ scalar: Yams.Node.Scalar) throws(Problem) -> Scalar {
        let isPlain = scalar.style == .plain
        try refuseTag(scalar.tag, unless: "str", scalar.mark)
        switch mask.original(of: scalar.string, isPlain: isPlain) {
        case .alias(let name): return .alias(name)
        case .malformedAlias:
            throw problem(
                .invalidYAML,
                at: scalar.mark,
                "text that begins with * is an alias in YAML; write it in quotes"
            )
        case .text(let text):
            let hasStringTag = scalar.tag.description == Self.tagPrefix + "str"
            let value = YAMLScalar(text: text, isPlain: isPlain && !hasStringTag)
            return .value(value.plainType == .null ? .null : .scalar(value))
        }
    }

    private mutating func resolve(_ name: String, _ mark: Mark?, depth: Int) throws(Problem) -> Converted {
        guard let anchored = anchors[name] else {
            throw problem(.invalidYAML, at: mark, "the alias *\(name) has no anchor before it")
        }
        try spend(anchored.count, mark)
        guard depth + anchored.height - 1 <= maximumDepth else { throw tooDeep(mark) }
        return Converted(value: anchored.value, count: anchored.count, height: anchored.height)
    }

    private mutating func spend(_ count: Int, _ mark: Mark?) throws(Problem) {
        remainingValues -= count
        guard remainingValues >= 0 else {
            throw problem(.tooManyValues, at: mark, "the file has too many values, aliases counted as often as used")
        }
    }

    private func refuseTag(_ tag: Tag, unless allowed: String, _ mark: Mark?) throws(Problem) {
        let name = tag.description
        // Yams names the implicit tag with the empty text, and `!` means "by its kind".
        guard name.isEmpty || name == "!" || name == Self.tagPrefix + allowed else {
            throw problem(.unsupportedTag, at: mark, "manifests have no tags; this one is \(name)")
        }
    }

    private static let tagPrefix = "tag:yaml.org,2002:"

    private func tooDeep(_ mark: Mark?) -> Problem {
        problem(.nestingTooDeep, at: mark, "values nest deeper than \(maximumDepth) levels")
    }

    private func position(of mark: Mark?) -> SourcePosition {
        SourcePosition(file: file, line: (mark?.line ?? 1) + firstLine - 1, column: mark?.column ?? 1)
    }

    private func problem(_ code: Diagnostic.Code, at mark: Mark?, _ message: String) -> Problem {
        let position = position(of: mark)
        return Problem(code: code, line: position.line, column: position.column, message: message)
    }

    private func problem(for error: YamlError) -> Problem {
        switch error {
        case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
            .composer(let context, let text, let mark, _):
            let begin = context.map { " \($0.text), which began on line \($0.mark.line + firstLine - 1)" } ?? ""
            return problem(.invalidYAML, at: mark, "this is not YAML: \(text)\(begin)")
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map(mask.restored).joined(separator: ", ")
            return problem(.duplicateKey, at: context.mark, "the key \(names) stands twice in this mapping")
        default:
            return problem(.invalidYAML, at: nil, "the document cannot be parsed")
        }
    }
}
