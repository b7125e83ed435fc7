// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Turns a document into the bytes of a message, by protobuf's JSON mapping and the table of the API's fields.
///
/// It goes by the whole API and not by the messages that this library has, so that a field which is not read arrives at
/// the decoder all the same: that one decides what becomes of it, as it does for fields that come by xDS.
struct DocumentEncoder {
    /// Stands on the wire for a field that the API does not have, so that no condition is read as a wider one: the highest
    /// number that there is, which no API uses.
    static let unknownField = 536_870_911
    /// How deep messages may stand in one another; protobuf's own bound.
    static let maximumDepth = 100

    /// A field that the API does not have, or a message of an unknown type.
    struct Unknown {
        let path: FieldPath
        let parent: FieldPath
        let position: DocumentPosition
        let reason: String
    }

    /// What has no place in the message.
    private(set) var unknown: [Unknown] = []
    /// Why the document is none of the message.
    private(set) var problems: [(path: FieldPath, position: DocumentPosition, message: String)] = []
    private var tables: [String: [String: KnownField]] = [:]

    /// The bytes of a message.
    mutating func message(_ node: DocumentNode, _ type: String, at path: FieldPath, depth: Int = 0) -> [UInt8] {
        guard depth < Self.maximumDepth else {
            reject(path, node, "messages stand more than \(Self.maximumDepth) deep")
            return []
        }
        if type.hasPrefix("google.protobuf."), let bytes = wellKnown(node, type, at: path, depth: depth) {
            return bytes
        }
        guard let fields = node.fields else {
            reject(path, node, "must be an object (\(type))")
            return []
        }
        let table = fields.isEmpty ? [:] : table(of: type)
        var writer = WireWriter()
        var seen: Set<Int> = []
        var choices: [Int: String] = [:]
        // An `Any` has its type beside its fields.
        for field in fields where field.name != "@type" {
            guard let known = table[field.name] else {
                unknown.append(
                    Unknown(
                        path: path[field.name],
                        parent: path,
                        position: field.position,
                        reason: "\(type) has no such field"
                    )
                )
                writer.field(Self.unknownField, varint: 1)
                continue
            }
            let path = path[known.name]
            guard seen.insert(known.number).inserted else {
                reject(path, field.value, "appears twice")
                continue
            }
            // `null` is as good as nothing, but where it is a value.
            if field.value.value == .null, known.kind != .message("google.protobuf.Value") { continue }
            if let oneof = known.oneof, let other = choices.updateValue(known.name, forKey: oneof) {
                reject(path, field.value, "may not stand beside \(other)")
            }
            write(field.value, as: known, at: path, into: &writer, depth: depth)
        }
        return writer.bytes
    }

    mutating func reject(_ path: FieldPath, _ node: DocumentNode, _ message: String) {
        guard problems.count < DecodingContext.maximumReports else { return }
        problems.append((path, node.position, message))
    }

    mutating func note(_ finding: Unknown) { unknown.append(finding) }

    private mutating func table(of type: String) -> [String: KnownField] {
        if let table = tables[type] { return table }
        let table = KnownField.table(of: type) ?? [:]
        tables[type] = table
        return table
    }

    private mutating func write(
        _ node: DocumentNode,
        as field: KnownField,
        at path: FieldPath,
        into writer: inout WireWriter,
        depth: Int
    ) {
        switch field.shape {
        case .single: write(single: node, field.kind, field.number, at: path, into: &writer, depth: depth)
        case .repeated:
            guard case .list(let elements) = node.value else { return reject(path, node, "must be a list") }
            for (position, element) in elements.enumerated() {
                let path = FieldPath.root[path.description, position]
                write(single: element, field.kind, field.number, at: path, into: &writer, depth: depth)
            }
        case .map(let key):
            guard let entries = node.fields else { return reject(path, node, "must be an object") }
            var keys: Set<String> = []
            for entry in entries {
                let path = FieldPath.root[path.description, key: entry.name]
                guard keys.insert(entry.name).inserted else {
                    reject(path, entry.value, "appears twice")
                    continue
                }
                var pair = WireWriter()
                let keyNode = DocumentNode(.text(entry.name), at: entry.position)
                write(single: keyNode, key, 1, at: path, into: &pair, depth: depth)
                write(single: entry.value, field.kind, 2, at: path, into: &pair, depth: depth)
                writer.field(field.number, bytes: pair.bytes)
            }
        }
    }

    private mutating func write(
        single node: DocumentNode,
        _ kind: KnownField.Kind,
        _ number: Int,
        at path: FieldPath,
        into writer: inout WireWriter,
        depth: Int
    ) {
        switch kind {
        case .scalar(let letter): scalar(node, letter, number, at: path, into: &writer)
        case .enumeration(let place):
            guard let value = enumeration(node, place, at: path) else { return }
            writer.field(number, varint: UInt64(bitPattern: Int64(value)))
        case .message(let type?):
            writer.field(number, bytes: message(node, type, at: path, depth: depth + 1))
        // The API's message is none that this library has a part of: whoever reads the one around it names the field.
        case .message(nil): writer.field(number, bytes: [])
        }
    }

    /// The number of a value that is given by its name or its number.
    private mutating func enumeration(_ node: DocumentNode, _ place: Int, at path: FieldPath) -> Int32? {
        if case .number(let text) = node.value, let value = DocumentNumber.integer(text),
            let value = Int32(exactly: value)
        {
            return value
        }
        let table = KnownFieldNames.enumeration(at: place) ?? ""
        var names: [Substring] = []
        var next: Int32 = 0
        for word in table.split(separator: " ") {
            if let jump = Int32(word) {
                next = jump
                continue
            }
            if case .text(let name) = node.value, name == word { return next }
            names.append(word)
            next &+= 1
        }
        reject(path, node, "must be one of \(names.prefix(12).joined(separator: ", ")), or a number")
        return nil
    }
}
