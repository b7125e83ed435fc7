// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Writes fields of protobuf messages.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    /// Writes a number of variable length.
    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Writes a field of a number of variable length.
    mutating func field(_ number: Int, varint value: UInt64) {
        varint(UInt64(number) << 3)
        varint(value)
    }

    /// Writes a field of bytes: a text, bytes or a message.
    mutating func field(_ number: Int, bytes content: some Collection<UInt8>) {
        varint(UInt64(number) << 3 | 2)
        varint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    /// Writes a field of eight bytes.
    mutating func field(_ number: Int, fixed value: UInt64) {
        varint(UInt64(number) << 3 | 1)
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// Writes a field of four bytes.
    mutating func field(_ number: Int, fixed value: UInt32) {
        varint(UInt64(number) << 3 | 5)
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}
