// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension PatternParser {
    /// Reads a class in brackets.
    mutating func parseBracketClass() throws(RegularExpressionError) -> ScalarSet {
        let begin = position
        position += 1
        let isNegated = byte(at: position) == UInt8(ascii: "^")
        if isNegated { position += 1 }
        var ranges: [ClosedRange<UInt32>] = []
        // A closing bracket stands for itself if it comes first.
        var isFirst = true
        while let next = byte(at: position), next != UInt8(ascii: "]") || isFirst {
            isFirst = false
            if let set = try parseNamedClass() {
                try charge(set.ranges.count)
                ranges += set.ranges
            } else {
                try charge(1)
                let range = try parseClassRange(ofClassAt: begin)
                ranges += flags.ignoresCase ? ScalarSet([range]).caseFolded().ranges : [range]
            }
        }
        guard position < bytes.count else { throw error(.missingBracket, from: begin, to: bytes.count) }
        position += 1
        let set = ScalarSet(ranges)
        return isNegated ? set.inverted() : set
    }

    /// Reads `[:name:]`, `\d`, `\p{…}` and the like; `nil`, with nothing read, if none is here.
    private mutating func parseNamedClass() throws(RegularExpressionError) -> ScalarSet? {
        if starts(with: "[:") {
            return try parsePOSIXClass()
        }
        return bytes[position] == UInt8(ascii: "\\") ? try parseClassEscape() : nil
    }

    private mutating func parsePOSIXClass() throws(RegularExpressionError) -> ScalarSet? {
        if isWithoutPOSIXEnd { return nil }
        let begin = position
        var cursor = begin + 2
        // Without its end this is no name but a bracket and what follows.
        while let byte = byte(at: cursor), byte != UInt8(ascii: ":") || self.byte(at: cursor + 1) != UInt8(ascii: "]") {
            cursor += 1
        }
        guard cursor < bytes.count else {
            isWithoutPOSIXEnd = true
            return nil
        }
        var name = bytes[(begin + 2)..<cursor]
        let isNegated = name.first == UInt8(ascii: "^")
        if isNegated { name = name.dropFirst() }
        guard let set = ScalarSet.posixClass(String(decoding: name, as: UTF8.self)) else {
            throw error(.invalidCharacterRange, from: begin, to: cursor + 2)
        }
        position = cursor + 2
        return signed(set, isNegated: isNegated)
    }

    private mutating func parseClassRange(
        ofClassAt classBegin: Int
    ) throws(RegularExpressionError) -> ClosedRange<UInt32> {
        let begin = position
        let lower = try parseClassScalar(ofClassAt: classBegin)
        // A minus before the closing bracket stands for itself.
        guard byte(at: position) == UInt8(ascii: "-"), let next = byte(at: position + 1), next != UInt8(ascii: "]")
        else {
            return lower...lower
        }
        position += 1
        let upper = try parseClassScalar(ofClassAt: classBegin)
        guard lower <= upper else { throw error(.invalidCharacterRange, from: begin, to: position) }
        return lower...upper
    }

    private mutating func parseClassScalar(ofClassAt classBegin: Int) throws(RegularExpressionError) -> UInt32 {
        guard position < bytes.count else { throw error(.missingBracket, from: classBegin, to: bytes.count) }
        return bytes[position] == UInt8(ascii: "\\") ? try parseEscapedScalar() : readScalar()
    }
}
