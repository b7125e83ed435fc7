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
    @inline(__always)
    func value(of name: String) -> Int? {
        guard !entries.isEmpty else { return nil }
        // A native string lends its bytes; any other has to be made one first.
        if let found = name.utf8.withContiguousStorageIfAvailable({ find($0) }) {
            return found.map { entries[$0].value }
        }
        var copy = name
        return copy.withUTF8 { find($0) }.map { entries[$0].value }
    }

    /// The number of a name in UTF-8.
    func value(of name: UnsafeBufferPointer<UInt8>) -> Int? {
        entries.isEmpty ? nil : find(name).map { entries[$0].value }
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
            words += stride(from: 0, to: bytes.count, by: 8).map { ByteWords.folded(ByteWords.word(bytes, $0)) }
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
        if 1...8 ~= name.count { return find(ByteWords.folded(ByteWords.word(name, 0)), length: name.count) }
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

    /// The same for a name of one word.
    @inline(__always)
    private func find(_ word: UInt64, length: Int) -> Int? {
        let hash = ByteWords.mixed(Self.seed(length), word)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let position = Int(slots[slot]) - 1
            let entry = entries[position]
            if entry.hash == hash, entry.length == length, words[entry.start] == word { return position }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private func isEqual(_ entry: Entry, _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        words.withUnsafeBufferPointer { words in
            var (offset, word) = (0, entry.start)
            while offset < name.count {
                if words[word] != ByteWords.folded(ByteWords.word(name, offset)) { return false }
                offset += 8
                word += 1
            }
            return true
        }
    }

    private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = seed(name.count)
        var offset = 0
        while offset < name.count {
            hash = ByteWords.mixed(hash, ByteWords.folded(ByteWords.word(name, offset)))
            offset += 8
        }
        return hash
    }

    private static func seed(_ length: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: length) &* 0x9E37_79B9_7F4A_7C15
    }
}
