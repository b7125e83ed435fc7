// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Protobuf's own messages, which JSON writes in a way of their own.
extension DocumentEncoder {
    /// The letters of the messages that hold one value, in field 1.
    private static let wrappers: [String: Character] = [
        "google.protobuf.BoolValue": "b", "google.protobuf.StringValue": "s", "google.protobuf.BytesValue": "y",
        "google.protobuf.Int32Value": "i", "google.protobuf.Int64Value": "l", "google.protobuf.UInt32Value": "u",
        "google.protobuf.UInt64Value": "v", "google.protobuf.FloatValue": "f", "google.protobuf.DoubleValue": "d",
    ]

    /// The bytes of one of protobuf's own messages; `nil` if the message is written like others.
    mutating func wellKnown(_ node: DocumentNode, _ type: String, at path: FieldPath, depth: Int) -> [UInt8]? {
        var writer = WireWriter()
        if let letter = Self.wrappers[type] {
            scalar(node, letter, 1, at: path, into: &writer)
            return writer.bytes
        }
        switch type {
        case "google.protobuf.Any": return any(node, at: path, depth: depth)
        case "google.protobuf.Duration":
            guard case .text(let text) = node.value, let span = DocumentNumber.duration(text) else {
                reject(path, node, "must be a duration such as \"1.5s\"")
                return []
            }
            writer.field(1, varint: UInt64(bitPattern: span.seconds))
            writer.field(2, varint: UInt64(bitPattern: Int64(span.nanos)))
            return writer.bytes
        case "google.protobuf.Struct": return structure(node, at: path, depth: depth)
        case "google.protobuf.Value": return value(node, at: path, depth: depth)
        case "google.protobuf.ListValue":
            guard case .list(let elements) = node.value else {
                reject(path, node, "must be a list")
                return []
            }
            return list(elements, at: path, depth: depth)
        case "google.protobuf.Empty":
            if node.fields?.isEmpty != true { reject(path, node, "must be an empty object") }
            return []
        default:
            reject(path, node, "\(type) cannot be written in documents")
            return []
        }
    }

    /// A message of any type, which stands beside its fields in `@type`.
    private mutating func any(_ node: DocumentNode, at path: FieldPath, depth: Int) -> [UInt8] {
        guard let fields = node.fields else {
            reject(path, node, "must be an object with an @type")
            return []
        }
        if fields.isEmpty { return [] }
        guard let label = fields.first(where: { $0.name == "@type" }), case .text(let url) = label.value.value else {
            reject(path, node, "has no @type")
            return []
        }
        let type = typeName(ofTypeURL: url)
        var writer = WireWriter()
        writer.field(1, bytes: url.utf8)
        if type.hasPrefix("google.protobuf.") {
            // What is written in a way of its own stands in `value`.
            if let value = fields.first(where: { $0.name == "value" })?.value {
                writer.field(2, bytes: message(value, type, at: path["value"], depth: depth + 1))
            }
        } else if KnownFieldNames.fields(of: type) != nil {
            writer.field(2, bytes: message(node, type, at: path, depth: depth + 1))
        } else if fields.count > 1 {
            note(
                Unknown(
                    path: path,
                    parent: path,
                    position: label.position,
                    reason: "the type \(type) is not known; its fields are left aside"
                )
            )
        }
        return writer.bytes
    }

    private mutating func structure(_ node: DocumentNode, at path: FieldPath, depth: Int) -> [UInt8] {
        guard let fields = node.fields else {
            reject(path, node, "must be an object")
            return []
        }
        var writer = WireWriter()
        for field in fields {
            var entry = WireWriter()
            entry.field(1, bytes: field.name.utf8)
            entry.field(2, bytes: message(field.value, "google.protobuf.Value", at: path[field.name], depth: depth + 1))
            writer.field(1, bytes: entry.bytes)
        }
        return writer.bytes
    }

    private mutating func list(_ elements: [DocumentNode], at path: FieldPath, depth: Int) -> [UInt8] {
        var writer = WireWriter()
        for (position, element) in elements.enumerated() {
            let path = FieldPath.root[path.description, position]
            writer.field(1, bytes: message(element, "google.protobuf.Value", at: path, depth: depth + 1))
        }
        return writer.bytes
    }

    private mutating func value(_ node: DocumentNode, at path: FieldPath, depth: Int) -> [UInt8] {
        var writer = WireWriter()
        switch node.value {
        case .null: writer.field(1, varint: 0)
        case .number(let text):
            guard let number = DocumentNumber.real(text) else {
                reject(path, node, "is no number that can be kept")
                return []
            }
            writer.field(2, fixed: number.bitPattern)
        case .text(let text): writer.field(3, bytes: text.utf8)
        case .boolean(let value): writer.field(4, varint: value ? 1 : 0)
        case .fields: writer.field(5, bytes: structure(node, at: path, depth: depth + 1))
        case .list(let elements): writer.field(6, bytes: list(elements, at: path, depth: depth + 1))
        }
        return writer.bytes
    }
}
