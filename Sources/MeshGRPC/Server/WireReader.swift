// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// Reads the fields of a small protobuf message, for services whose messages have two or three of them.
struct WireReader {
    /// A field's value.
    enum Value: Equatable {
        case integer(UInt64)
        case bytes(ArraySlice<UInt8>)
        /// Fixed-size numbers, which none of these messages has.
        case skipped
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) {
        self.rest = Array(bytes)[...]
    }

    /// The next field; `nil` at the end.
    /// - Throws: `RPCError` with code `invalidArgument` for what is no message.
    mutating func next() throws(RPCError) -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        guard tag >> 3 != 0 else { throw Self.malformed }
        switch tag & 7 {
        case 0: return (tag >> 3, .integer(try varint()))
        case 1: return (tag >> 3, try skip(8))
        case 2:
            let length = try varint()
            guard length <= UInt64(rest.count) else { throw Self.malformed }
            let bytes = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            return (tag >> 3, .bytes(bytes))
        case 5: return (tag >> 3, try skip(4))
        default: throw Self.malformed
        }
    }

    private mutating func skip(_ count: Int) throws(RPCError) -> Value {
        guard rest.count >= count else { throw Self.malformed }
        rest = rest.dropFirst(count)
        return .skipped
    }

    private mutating func varint() throws(RPCError) -> UInt64 {
        var value: UInt64 = 0
        for position in 0..<10 {
            guard let byte = rest.popFirst() else { throw Self.malformed }
            // The tenth byte has room for one bit.
            guard position < 9 || byte <= 1 else { throw Self.malformed }
            value |= UInt64(byte & 0x7F) << UInt64(7 * position)
            if byte & 0x80 == 0 { return value }
        }
        throw Self.malformed
    }

    private static var malformed: RPCError {
        RPCError(code: .invalidArgument, message: "the message cannot be read")
    }
}

/// Writes the fields of such a message.
enum WireWriter {
    static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// A field of text or of another message.
    static func append(_ content: [UInt8], as number: UInt64, to bytes: inout [UInt8]) {
        append(number << 3 | 2, to: &bytes)
        append(UInt64(content.count), to: &bytes)
        bytes += content
    }

    /// A field of an integer; 0 is left out, as in proto3.
    static func append(_ value: UInt64, as number: UInt64, to bytes: inout [UInt8]) {
        guard value != 0 else { return }
        append(number << 3, to: &bytes)
        append(value, to: &bytes)
    }
}
