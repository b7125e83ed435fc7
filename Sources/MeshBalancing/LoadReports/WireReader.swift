// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Reads the fields of a protobuf message from its bytes, one after the other; whatever the bytes are, it ends.
struct WireReader {
    /// A field as it stands on the wire. Which type it has by its number, only the reader of the message knows.
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed32(UInt32)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next field.
    /// - Returns: `nil` at the end.
    /// - Throws: `LoadReportError.malformed` for what is no message. Groups are refused: no message that we read had
    ///   any.
    mutating func next() throws(LoadReportError) -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        let number = tag >> 3
        guard (1...0x1FFF_FFFF).contains(number) else { throw Self.malformed }
        switch tag & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try fixed(8)))
        case 2:
            let length = try varint()
            guard length <= UInt64(rest.count) else { throw Self.malformed }
            return (number, .bytes(take(Int(length))))
        case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        default: throw Self.malformed
        }
    }

    private static var malformed: LoadReportError { .malformed("a protobuf message") }

    private mutating func varint() throws(LoadReportError) -> UInt64 {
        var value: UInt64 = 0
        for place in 0..<10 as Range<UInt64> {
            guard let byte = rest.popFirst() else { throw Self.malformed }
            // What does not fit into 64 bits is cut off, as protobuf does.
            value |= UInt64(byte & 0x7F) << (7 * place)
            if byte < 0x80 { return value }
        }
        throw Self.malformed
    }

    private mutating func fixed(_ count: Int) throws(LoadReportError) -> UInt64 {
        guard rest.count >= count else { throw Self.malformed }
        return take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// - Precondition: So many are left.
    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
