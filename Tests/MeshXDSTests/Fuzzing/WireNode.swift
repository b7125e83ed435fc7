// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A field of a message as it stands on the wire, with what is in it: whatever reads as a message counts as one.
struct WireNode: Hashable, Sendable {
    enum Content: Hashable, Sendable {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes([UInt8])
        case message([WireNode])
    }

    /// How deep messages are looked into.
    static let maximumDepth = 40

    var number: UInt64
    var content: Content

    /// The fields that bytes are of; `nil` if they are of none.
    static func fields(of bytes: ArraySlice<UInt8>, depth: Int = 0) -> [WireNode]? {
        var rest = bytes
        var fields: [WireNode] = []
        while !rest.isEmpty {
            guard let tag = varint(&rest), tag >> 3 > 0, tag >> 3 < 1 << 29 else { return nil }
            guard let content = content(tag & 7, &rest, depth: depth) else { return nil }
            fields.append(WireNode(number: tag >> 3, content: content))
        }
        return fields
    }

    private static func content(_ type: UInt64, _ rest: inout ArraySlice<UInt8>, depth: Int) -> Content? {
        switch type {
        case 0: return varint(&rest).map { .varint($0) }
        case 1: return fixed(8, &rest).map { .fixed64($0) }
        case 5: return fixed(4, &rest).map { .fixed32(UInt32(truncatingIfNeeded: $0)) }
        case 2:
            guard let length = varint(&rest), length <= UInt64(rest.count) else { return nil }
            let part = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            guard depth < maximumDepth, !part.isEmpty, let fields = fields(of: part, depth: depth + 1) else {
                return .bytes(Array(part))
            }
            return .message(fields)
        default: return nil
        }
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }

    private static func fixed(_ size: Int, _ rest: inout ArraySlice<UInt8>) -> UInt64? {
        guard rest.count >= size else { return nil }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The bytes of fields.
    static func bytes(of fields: [WireNode]) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in fields { field.append(to: &bytes) }
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch content {
        case .varint(let value):
            Self.append(number << 3, to: &bytes)
            Self.append(value, to: &bytes)
        case .fixed64(let value):
            Self.append(number << 3 | 1, to: &bytes)
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        case .fixed32(let value):
            Self.append(number << 3 | 5, to: &bytes)
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        case .bytes(let part): appendRun(part, to: &bytes)
        case .message(let fields): appendRun(Self.bytes(of: fields), to: &bytes)
        }
    }

    private func appendRun(_ part: [UInt8], to bytes: inout [UInt8]) {
        Self.append(number << 3 | 2, to: &bytes)
        Self.append(UInt64(part.count), to: &bytes)
        bytes += part
    }

    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(value & 0x7F) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }
}

extension [WireNode] {
    /// The fields, and those of messages in them, in the order of the wire.
    var everything: [WireNode] {
        flatMap { node -> [WireNode] in
            guard case .message(let fields) = node.content else { return [node] }
            return [node] + fields.everything
        }
    }

    /// How many fields there are, those of messages in them included.
    var total: Int {
        reduce(0) { total, node in
            guard case .message(let fields) = node.content else { return total + 1 }
            return total + 1 + fields.total
        }
    }

    /// The field at a place in the order of the wire.
    func node(at position: Int) -> WireNode? {
        var rest = position
        for node in self {
            if rest == 0 { return node }
            rest -= 1
            guard case .message(let fields) = node.content else { continue }
            let count = fields.total
            if rest < count { return fields.node(at: rest) }
            rest -= count
        }
        return nil
    }

    /// Puts others in the place of a field.
    /// - Returns: Whether there was one.
    @discardableResult
    mutating func replace(at position: Int, _ others: (WireNode) -> [WireNode]) -> Bool {
        var rest = position
        for index in indices {
            if rest == 0 {
                replaceSubrange(index...index, with: others(self[index]))
                return true
            }
            rest -= 1
            guard case .message(var fields) = self[index].content else { continue }
            let count = fields.total
            if rest < count {
                fields.replace(at: rest, others)
                self[index].content = .message(fields)
                return true
            }
            rest -= count
        }
        return false
    }
}
