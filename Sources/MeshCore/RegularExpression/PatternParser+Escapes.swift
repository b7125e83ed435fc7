// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension PatternParser {
    /// Reads an item that begins with a backslash, outside of a class.
    mutating func parseEscapedItem() throws(RegularExpressionError) {
        switch byte(at: position + 1) {
        case UInt8(ascii: "b"):
            position += 2
            try append(.assertion(.wordBoundary))
        case UInt8(ascii: "B"):
            position += 2
            try append(.assertion(.notWordBoundary))
        case UInt8(ascii: "A"):
            position += 2
            try append(.assertion(.beginText))
        case UInt8(ascii: "z"):
            position += 2
            try append(.assertion(.endText))
        case UInt8(ascii: "Q"):
            try parseQuotation()
        default:
            if let set = try parseClassEscape() {
                try append(.set(set))
            } else {
                try appendLiteral(parseEscapedScalar())
            }
        }
    }

    /// Reads `\Q…\E`, whose end may be missing.
    private mutating func parseQuotation() throws(RegularExpressionError) {
        position += 2
        while position < bytes.count {
            if starts(with: "\\E") {
                position += 2
                return
            }
            try appendLiteral(readScalar())
        }
    }

    /// Reads `\d`, `\p{…}` and the like; `nil`, with nothing read, if the escape does not name a class.
    mutating func parseClassEscape() throws(RegularExpressionError) -> ScalarSet? {
        guard let letter = byte(at: position + 1) else { return nil }
        if letter | 0x20 == UInt8(ascii: "p") {
            return try parseCategoryEscape()
        }
        guard let set = ScalarSet.perlClass(letter | 0x20) else { return nil }
        position += 2
        return signed(set, isNegated: letter & 0x20 == 0)
    }

    /// Reads `\pL`, `\p{Lu}`, `\p{^Lu}`, or one of them with `P`.
    private mutating func parseCategoryEscape() throws(RegularExpressionError) -> ScalarSet {
        let begin = position
        var isNegated = bytes[position + 1] == UInt8(ascii: "P")
        position += 2
        guard position < bytes.count else { throw error(.invalidCharacterRange, from: begin, to: position) }
        var name: ArraySlice<UInt8>
        if bytes[position] == UInt8(ascii: "{") {
            guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "}")) else {
                throw error(.invalidCharacterRange, from: begin, to: bytes.count)
            }
            name = bytes[(position + 1)..<end]
            position = end + 1
            if name.first == UInt8(ascii: "^") {
                isNegated.toggle()
                name = name.dropFirst()
            }
        } else {
            let nameBegin = position
            _ = readScalar()
            name = bytes[nameBegin..<position]
        }
        guard let set = GeneralCategorySets.named(String(decoding: name, as: UTF8.self)) else {
            throw error(.invalidCharacterRange, from: begin, to: position)
        }
        return signed(set, isNegated: isNegated)
    }

    /// The set, or all that is outside of it; case is folded first, so that `(?i)\W` excludes what `(?i)\w` includes.
    func signed(_ set: ScalarSet, isNegated: Bool) -> ScalarSet {
        let folded = flags.ignoresCase ? set.caseFolded() : set
        return isNegated ? folded.inverted() : folded
    }

    /// Reads an escape that stands for one scalar, in a class or outside.
    mutating func parseEscapedScalar() throws(RegularExpressionError) -> UInt32 {
        let begin = position
        position += 1
        guard position < bytes.count else {
            throw RegularExpressionError(.trailingBackslash, at: begin)
        }
        let escaped = readScalar()
        switch escaped {
        case 0x30...0x37:
            // A single digit other than zero would be a back-reference.
            let isOctal = escaped == 0x30 || octalDigit(at: position) != nil
            guard isOctal else { throw error(.invalidEscape, from: begin, to: position) }
            var value = escaped - 0x30
            for _ in 0..<2 {
                guard let digit = octalDigit(at: position) else { break }
                value = value * 8 + digit
                position += 1
            }
            return value
        case 0x78:
            return try parseHexadecimal(from: begin)
        case 0x61: return 0x07
        case 0x66: return 0x0C
        case 0x6E: return 0x0A
        case 0x72: return 0x0D
        case 0x74: return 0x09
        case 0x76: return 0x0B
        default:
            // All ASCII but letters and digits may be escaped to stand for itself.
            let isLetterOrDigit = escaped != 0x5F && Assertion.isWord(UInt8(truncatingIfNeeded: escaped))
            guard escaped < 0x80, !isLetterOrDigit else { throw error(.invalidEscape, from: begin, to: position) }
            return escaped
        }
    }

    /// Reads what follows `\x`: two hexadecimal digits, or any number of them in braces.
    private mutating func parseHexadecimal(from begin: Int) throws(RegularExpressionError) -> UInt32 {
        var value: UInt32 = 0
        guard byte(at: position) == UInt8(ascii: "{") else {
            let firstDigit = position
            for _ in 0..<2 {
                guard let digit = hexadecimalDigit(at: position) else {
                    // Both places are named, whichever of them is wrong.
                    throw error(.invalidEscape, from: begin, to: endOfScalar(at: endOfScalar(at: firstDigit)))
                }
                value = value << 4 | digit
                position += 1
            }
            return value
        }
        position += 1
        let firstDigit = position
        while let digit = hexadecimalDigit(at: position) {
            value = value << 4 | digit
            position += 1
            guard value <= ScalarSet.lastScalar else { throw error(.invalidEscape, from: begin, to: position) }
        }
        guard position > firstDigit, byte(at: position) == UInt8(ascii: "}") else {
            throw error(.invalidEscape, from: begin, to: endOfScalar(at: position))
        }
        position += 1
        return value
    }

    private func endOfScalar(at index: Int) -> Int {
        var end = min(index + 1, bytes.count)
        while let next = byte(at: end), UTF8.isContinuation(next) {
            end += 1
        }
        return end
    }

    private func octalDigit(at index: Int) -> UInt32? {
        guard let byte = byte(at: index), UInt8(ascii: "0")...UInt8(ascii: "7") ~= byte else { return nil }
        return UInt32(byte - UInt8(ascii: "0"))
    }

    private func hexadecimalDigit(at index: Int) -> UInt32? {
        switch byte(at: index) {
        case let byte? where UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte: UInt32(byte - UInt8(ascii: "0"))
        case let byte? where UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte: UInt32(byte - UInt8(ascii: "a") + 10)
        case let byte? where UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte: UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
