// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// CRC-32 as zlib computes it, because every script has that one.
struct Checksum {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }

    private var register: UInt32 = .max
    /// How many bytes there were.
    private(set) var count = 0

    /// The checksum of what has come so far.
    var value: UInt32 { ~register }

    mutating func update(_ chunk: ByteBuffer) {
        count += chunk.readableBytes
        register = Self.table.withUnsafeBufferPointer { table in
            chunk.withUnsafeReadableBytes { bytes in
                var register = register
                for byte in bytes { register = table[Int((register ^ UInt32(byte)) & 0xFF)] ^ (register >> 8) }
                return register
            }
        }
    }
}
