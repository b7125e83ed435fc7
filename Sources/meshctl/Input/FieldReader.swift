// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS

/// Reads the fields of one object by their protobuf names, `snake_case` or `camelCase`, and knows which nobody asked for.
struct FieldReader {
    /// Where the object stands, as a path of field names.
    let path: String
    /// Its place in the file.
    let position: DocumentPosition
    private let fields: [DocumentNode.Field]
    private var asked: Set<String> = []

    /// Creates a reader; a value that is no object is noted, and has no fields.
    init(_ node: DocumentNode, at path: String, _ problems: inout DocumentProblems) {
        self.path = path
        self.position = node.position
        switch node.value {
        case .fields(let fields): self.fields = fields
        default:
            self.fields = []
            problems.note(node.position, path, "must be an object, is \(node.typeName)")
        }
    }

    /// The field's value under the first of its names that is there; `null` is as if it were not.
    mutating func node(_ names: String...) -> DocumentNode? {
        for name in names {
            let spellings: Set<String> = [name, Self.camelCase(name)]
            asked.formUnion(spellings)
            if let field = fields.first(where: { spellings.contains($0.name) }) {
                if case .null = field.value.value { return nil }
                return field.value
            }
        }
        return nil
    }

    /// Notes every field that nobody asked for, and every one that stands twice.
    func finish(_ problems: inout DocumentProblems) {
        var seen: Set<String> = []
        for field in fields {
            if !asked.contains(field.name) {
                problems.note(field.position, path.field(field.name), "is not a field of this object")
            } else if !seen.insert(field.name).inserted {
                problems.note(field.position, path.field(field.name), "stands twice")
            }
        }
    }

    private static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        guard let first = parts.first else { return name }
        return parts.dropFirst().reduce(String(first)) { text, part in
            text + part.prefix(1).uppercased() + part.dropFirst()
        }
    }
}

extension String {
    /// The path of a field below this one.
    func field(_ name: String) -> String { isEmpty ? name : "\(self).\(name)" }
}

extension DocumentNode {
    /// What the value is, in words.
    var typeName: String {
        switch value {
        case .null: "null"
        case .boolean: "a boolean"
        case .number: "a number"
        case .text: "a text"
        case .list: "a list"
        case .fields: "an object"
        }
    }
}
