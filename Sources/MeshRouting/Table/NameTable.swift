// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Numbers by names of hosts, whose ASCII letters may be of either case.
///
/// Every request asks it. A dictionary of strings would take ten times as long: it hashes with SipHash, which guards
/// against whoever chooses the keys (here the configuration does), and asks for a copy in lower case.
struct NameTable: Sendable {
    private struct Entry {
        var hash: UInt64
        var start: Int
        var length: Int
        var value: Int
    }

    /// Every name's bytes, in lower case, eight in a word, one name after the other.
    private var words: [UInt64] = []
    private var entries: [Entry] = []
    /// Positions in `entries`, one more than that, by the low bits of their hashes; 0 is free. At most half are taken.
    private var slots = [UInt32](repeating: 0, count: 8)

    /// The number of a name.
    /// - Complexity: O(length of the name). No allocation.
    func value(of name: String) -> Int? {
        guard !entries.isEmpty else { return nil }
        var name = name
        return name.withUTF8 { find($0) }.map { entries[$0].value }
    }

    /// Adds a name.
    /// - Returns: The number that the name has already, if it has one; it stays.
    mutating func insert(_ name: String, _ value: Int) -> Int? {
        if let existing = self.value(of: name) { return existing }
        var name = name
        name.withUTF8 { bytes in
            entries.append(
                Entry(hash: Self.hash(bytes), start: words.count, length: bytes.count, value: value)
            )
            words += stride(from: 0, to: bytes.count, by: 8).map { Self.folded(Self.word(bytes, $0)) }
        }
        guard entries.count * 2 > slots.count else {
            place(entries.count - 1)
            return nil
        }
        slots = Array(repeating: 0, count: slots.count * 2)
        for position in entries.indices { place(position) }
        return nil
    }

    private mutating func place(_ position: Int) {
        var slot = Int(truncatingIfNeeded: entries[position].hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(position + 1)
    }

    private func find(_ name: UnsafeBufferPointer<UInt8>) -> Int? {
        let hash = Self.hash(name)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let position = Int(slots[slot]) - 1
            let entry = entries[position]
            if entry.hash == hash, entry.length == name.count, isEqual(entry, name) { return position }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private func isEqual(_ entry: Entry, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        words.withUnsafeBufferPointer { words in
            var (offset, word) = (0, entry.start)
            while offset < name.count {
                if words[word] != Self.folded(Self.word(name, offset)) { return false }
                offset += 8
                word += 1
            }
            return true
        }
    }

    private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: name.count) &* 0x9E37_79B9_7F4A_7C15
        var offset = 0
        while offset < name.count {
            hash = (hash ^ folded(word(name, offset))) &* 0xD6E8_FEB8_6659_FD93
            hash ^= hash &>> 32
            offset += 8
        }
        return hash
    }

    /// Eight bytes from an offset on, the first in the lowest place; zeros stand for those behind the end.
    private static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt64 {
        let rest = bytes.count - offset
        if rest >= 8 { return loaded(bytes, offset) }
        // The last eight bytes hold what is wanted, behind some that are not.
        if bytes.count >= 8 { return loaded(bytes, bytes.count - 8) &>> UInt64((8 - rest) &* 8) }
        var word: UInt64 = 0
        var position = bytes.count
        while position > offset {
            position &-= 1
            word = word &<< 8 | UInt64(bytes[position])
        }
        return word
    }

    private static func loaded(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Eight bytes with ASCII's upper-case letters turned to lower case, all at once.
    private static func folded(_ word: UInt64) -> UInt64 {
        let sevenBits = word & 0x7F7F_7F7F_7F7F_7F7F
        // The highest bit of each byte is set where it is at least "A", and where it is above "Z".
        let fromA = sevenBits &+ 0x3F3F_3F3F_3F3F_3F3F
        let aboveZ = sevenBits &+ 0x2525_2525_2525_2525
        let isUpper = (fromA ^ aboveZ) & ~word & 0x8080_8080_8080_8080
        return word | isUpper >> 2
    }
}
