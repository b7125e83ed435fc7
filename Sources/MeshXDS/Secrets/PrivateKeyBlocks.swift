// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Private keys in PEM, wherever they stand in a resource.
enum PrivateKeyBlocks {
    private static let begin = Array("-----BEGIN ".utf8)
    private static let keyword = Array("PRIVATE KEY-----".utf8)
    private static let end = Array("-----END ".utf8)
    /// How far its label may reach: the longest in use is `ENCRYPTED`.
    private static let longestLabel = 32

    /// Whether there is one.
    static func isFound(in bytes: some Sequence<UInt8>) -> Bool {
        !blocks(in: Array(bytes)).isEmpty
    }

    /// The same bytes with every key overwritten: as many as before, so that a message stays one.
    static func masked(_ bytes: [UInt8]) -> [UInt8] {
        let blocks = blocks(in: bytes)
        guard !blocks.isEmpty else { return bytes }
        var bytes = bytes
        for block in blocks {
            for position in block { bytes[position] = UInt8(ascii: "*") }
        }
        return bytes
    }

    /// Where the keys are: from behind the line that begins one to the line that ends it, or to the end of what looks like
    /// Base64 if none does.
    private static func blocks(in bytes: [UInt8]) -> [Range<Int>] {
        var blocks: [Range<Int>] = []
        var position = 0
        while let start = find(begin, in: bytes, from: position, to: bytes.count) {
            let label = start + begin.count
            position = label
            let limit = min(bytes.count, label + longestLabel + keyword.count)
            guard let found = find(keyword, in: bytes, from: label, to: limit) else { continue }
            let first = found + keyword.count
            let rest = bytes[first...]
            let last = rest.firstIndex { !isText($0) } ?? bytes.count
            let stop = find(end, in: bytes, from: first, to: last) ?? last
            blocks.append(first..<stop)
            position = stop
        }
        return blocks
    }

    private static func isText(_ byte: UInt8) -> Bool {
        let isBreak = [UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t")].contains(byte)
        return isBreak || (0x20..<0x7F).contains(byte)
    }

    private static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int, to limit: Int) -> Int? {
        guard limit - start >= needle.count else { return nil }
        return bytes.withUnsafeBufferPointer { bytes in
            var position = start
            while position <= limit - needle.count {
                if bytes[position] == needle[0],
                    (1..<needle.count).allSatisfy({ bytes[position + $0] == needle[$0] })
                {
                    return position
                }
                position += 1
            }
            return nil
        }
    }
}
