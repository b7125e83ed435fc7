// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Numbers by texts that a text equals or begins with.
///
/// The hash of a text's beginning is taken on the way to its end, so all that begin it are found in one pass: each length
/// that some entry has costs one look at the table.
struct PathTable: Sendable {
    /// What is known of one text. The numbers are the caller's; -1 stands for none.
    struct Entry: Sendable {
        fileprivate let hash: UInt64
        fileprivate let start: Int
        /// In bytes.
        let length: Int
        /// Of texts that equal it.
        var exact = -1
        /// Of texts that begin with it.
        var prefix = -1
        /// Of texts that equal it, or go on behind it with a slash.
        var separatedPrefix = -1
    }

    /// Whether ASCII letters may be of either case.
    private let ignoresCase: Bool
    /// Every text's bytes, eight in a word, one text after the other.
    private var words: [UInt64] = []
    private var entries: [Entry] = []
    /// Positions in `entries`, one more than that, by the low bits of their hashes; 0 is free. At most half are taken.
    private var slots = [UInt32](repeating: 0, count: 8)
    /// The lengths of texts that others may begin with, shortest first.
    private var lengths: [Int] = []

    init(ignoresCase: Bool = false) {
        self.ignoresCase = ignoresCase
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Gives access to the entry of a text, which is made if there is none.
    mutating func update(_ text: [UInt8], _ body: (inout Entry) -> Void) {
        text.withUnsafeBufferPointer { bytes in
            let hash = hash(bytes)
            let position = find(bytes, length: bytes.count, hash) ?? add(bytes, hash)
            body(&entries[position])
            let entry = entries[position]
            if entry.prefix >= 0 || entry.separatedPrefix >= 0 {
                let place = lengths.firstIndex { $0 >= entry.length } ?? lengths.endIndex
                if place == lengths.endIndex || lengths[place] != entry.length {
                    lengths.insert(entry.length, at: place)
                }
            }
        }
    }

    /// The number of texts that equal a text; -1 if there is none.
    func exact(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        find(text, length: text.count, hash(text)).map { entries[$0].exact } ?? -1
    }

    /// Reports every number that holds of a text.
    @inline(__always)
    func forEachMatch(_ text: UnsafeBufferPointer<UInt8>, _ body: (Int) -> Void) {
        var hash = Self.seed
        var offset = 0
        entries.withUnsafeBufferPointer { entries in
            lengths.withUnsafeBufferPointer { lengths in
                for length in lengths {
                    if length > text.count { break }
                    while offset &+ 8 <= length {
                        hash = ByteWords.mixed(hash, word(text, offset))
                        offset &+= 8
                    }
                    guard let position = find(text, length: length, finished(hash, text, offset, length)) else {
                        continue
                    }
                    let entry = entries[position]
                    if entry.prefix >= 0 { body(entry.prefix) }
                    if entry.separatedPrefix >= 0,
                        length == text.count || text[length] == UInt8(ascii: "/")
                    {
                        body(entry.separatedPrefix)
                    }
                }
            }
            while offset &+ 8 <= text.count {
                hash = ByteWords.mixed(hash, word(text, offset))
                offset &+= 8
            }
            if let position = find(text, length: text.count, finished(hash, text, offset, text.count)),
                entries[position].exact >= 0
            {
                body(entries[position].exact)
            }
        }
    }

    private static let seed: UInt64 = 0x9E37_79B9_7F4A_7C15

    private func hash(_ text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = Self.seed
        var offset = 0
        while offset &+ 8 <= text.count {
            hash = ByteWords.mixed(hash, word(text, offset))
            offset &+= 8
        }
        return finished(hash, text, offset, text.count)
    }

    /// The hash of a beginning: that of its whole words, with what is left behind them and its length.
    @inline(__always)
    private func finished(
        _ hash: UInt64,
        _ text: UnsafeBufferPointer<UInt8>,
        _ offset: Int,
        _ length: Int
    ) -> UInt64 {
        let tail = offset < length ? word(text, offset) & Self.mask(length &- offset) : 0
        return ByteWords.mixed(ByteWords.mixed(hash, tail), UInt64(truncatingIfNeeded: length))
    }

    /// The lowest 1 to 7 bytes of a word, or all 8 of them.
    @inline(__always)
    private static func mask(_ count: Int) -> UInt64 {
        count >= 8 ? .max : (1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1
    }

    @inline(__always)
    private func word(_ text: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt64 {
        let word = ByteWords.word(text, offset)
        return ignoresCase ? ByteWords.folded(word) : word
    }

    private func find(_ text: UnsafeBufferPointer<UInt8>, length: Int, _ hash: UInt64) -> Int? {
        slots.withUnsafeBufferPointer { slots in
            entries.withUnsafeBufferPointer { entries in
                var slot = Int(truncatingIfNeeded: hash) & (slots.count &- 1)
                while slots[slot] != 0 {
                    let position = Int(slots[slot]) &- 1
                    if entries[position].hash == hash, entries[position].length == length,
                        isBeginning(of: text, length: length, at: entries[position].start)
                    {
                        return position
                    }
                    slot = (slot &+ 1) & (slots.count &- 1)
                }
                return nil
            }
        }
    }

    private func isBeginning(of text: UnsafeBufferPointer<UInt8>, length: Int, at start: Int) -> Bool {
        words.withUnsafeBufferPointer { words in
            var (offset, position) = (0, start)
            while offset < length {
                if words[position] != word(text, offset) & Self.mask(length &- offset) { return false }
                offset &+= 8
                position &+= 1
            }
            return true
        }
    }

    private mutating func add(_ text: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
        entries.append(Entry(hash: hash, start: words.count, length: text.count))
        words += stride(from: 0, to: text.count, by: 8).map { word(text, $0) }
        if entries.count * 2 > slots.count {
            slots = Array(repeating: 0, count: slots.count * 2)
            for position in entries.indices { place(position) }
        } else {
            place(entries.count - 1)
        }
        return entries.count - 1
    }

    private mutating func place(_ position: Int) {
        var slot = Int(truncatingIfNeeded: entries[position].hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt32(truncatingIfNeeded: position + 1)
    }
}
