// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The hash MurmurHash2 of 64 bits, as the C++ library of GCC hashes texts with it: what some hash rings are made of.
///
/// It is not safe against callers who choose what is hashed so that hashes meet.
enum MurmurHash2 {
    private static let factor: UInt64 = 0xC6A4_A793_5BD1_E995
    /// That library's seed (`std::_Hash_bytes`), which is Envoy's.
    private static let seed: UInt64 = 0xC70F_6907

    /// The hash of bytes.
    /// - Complexity: O(number of bytes). No allocation.
    static func hash(bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = seed ^ (UInt64(bytes.count) &* factor)
        var position = 0
        while position &+ 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            hash = (hash ^ (mixed(word &* factor) &* factor)) &* factor
            position &+= 8
        }
        if position < bytes.count {
            var rest: UInt64 = 0
            for offset in (position..<bytes.count).reversed() { rest = rest &<< 8 | UInt64(bytes[offset]) }
            hash = (hash ^ rest) &* factor
        }
        return mixed(mixed(hash) &* factor)
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        value ^ (value &>> 47)
    }
}
