// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Texts eight bytes at a time: how tables hash and compare them.
enum ByteWords {
    static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0xD6E8_FEB8_6659_FD93
        return product ^ product &>> 32
    }

    /// Eight bytes from an offset on, the first in the lowest place; zeros stand for those behind the end.
    @inline(__always)
    static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt64 {
        let rest = bytes.count - offset
        if rest >= 8 { return loaded(bytes, offset) }
        // The last eight bytes hold what is wanted, behind some that are not.
        if bytes.count >= 8 { return loaded(bytes, bytes.count - 8) &>> UInt64((8 - rest) &* 8) }
        // Fewer than eight in all: two halves that overlap, or three bytes of which some are the same.
        let count = bytes.count
        if count >= 4 {
            let raw = UnsafeRawBufferPointer(bytes)
            let low = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
            let high = UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            return UInt64(low) | UInt64(high) &<< UInt64((count &- 4) &* 8)
        }
        let (middle, last) = (count / 2, count &- 1)
        return UInt64(bytes[0]) | UInt64(bytes[middle]) &<< UInt64(middle &* 8)
            | UInt64(bytes[last]) &<< UInt64(last &* 8)
    }

    static func loaded(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Eight bytes with ASCII's upper-case letters turned to lower case, all at once.
    static func folded(_ word: UInt64) -> UInt64 {
        let sevenBits = word & 0x7F7F_7F7F_7F7F_7F7F
        // The highest bit of each byte is set where it is at least "A", and where it is above "Z".
        let fromA = sevenBits &+ 0x3F3F_3F3F_3F3F_3F3F
        let aboveZ = sevenBits &+ 0x2525_2525_2525_2525
        let isUpper = (fromA ^ aboveZ) & ~word & 0x8080_8080_8080_8080
        return word | isUpper >> 2
    }
}
