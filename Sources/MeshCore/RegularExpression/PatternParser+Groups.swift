// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension PatternParser {
    /// Reads what follows `(?`: a named or non-capturing group, or flags.
    mutating func parsePerlGroup() throws(RegularExpressionError) {
        let begin = position
        if let length = namedGroupPrefixLength() {
            return try parseNamedGroup(prefixLength: length)
        }
        if starts(with: "(?<") {
            // Look-behind; the mark after it belongs to the operator.
            throw error(.invalidPerlOperator, from: begin, to: min(begin + 4, bytes.count))
        }
        var cursor = begin + 2
        var changed = flags
        var isNegated = false
        var sawFlag = false
        while let byte = byte(at: cursor) {
            cursor += 1
            switch byte {
            case UInt8(ascii: "i"):
                changed.ignoresCase = !isNegated
                sawFlag = true
            case UInt8(ascii: "m"):
                changed.isMultiLine = !isNegated
                sawFlag = true
            case UInt8(ascii: "s"):
                changed.dotMatchesNewline = !isNegated
                sawFlag = true
            case UInt8(ascii: "U"):
                changed.swapsGreed = !isNegated
                sawFlag = true
            case UInt8(ascii: "-") where !isNegated:
                isNegated = true
                // A minus must be followed by a flag.
                sawFlag = false
            case UInt8(ascii: ":") where !isNegated || sawFlag:
                openGroup(length: cursor - begin, captures: false)
                flags = changed
                return
            case UInt8(ascii: ")") where !isNegated || sawFlag:
                position = cursor
                flags = changed
                return
            default:
                // Name the operator with the whole of the scalar that spoils it.
                position = cursor - 1
                _ = readScalar()
                throw error(.invalidPerlOperator, from: begin, to: position)
            }
        }
        throw error(.invalidPerlOperator, from: begin, to: bytes.count)
    }

    /// The length of `(?P<` or `(?<` if one is here and is not look-behind.
    private func namedGroupPrefixLength() -> Int? {
        if starts(with: "(?P<"), byte(at: position + 4) != nil { return 4 }
        guard starts(with: "(?<"), let next = byte(at: position + 3) else { return nil }
        return next == UInt8(ascii: "=") || next == UInt8(ascii: "!") ? nil : 3
    }

    private mutating func parseNamedGroup(prefixLength: Int) throws(RegularExpressionError) {
        let begin = position
        guard let end = bytes[(begin + prefixLength)...].firstIndex(of: UInt8(ascii: ">")) else {
            throw error(.invalidNamedGroup, from: begin, to: bytes.count)
        }
        position = begin + prefixLength
        var isValid = position < end
        while position < end {
            guard let scalar = Unicode.Scalar(readScalar()), Self.isNameScalar(scalar) else {
                isValid = false
                break
            }
        }
        if !isValid { throw error(.invalidNamedGroup, from: begin, to: end + 1) }
        position = begin
        // Names only document: rewrites refer to groups by number, and RE2 lets names repeat.
        openGroup(length: end + 1 - begin, captures: true)
    }

    /// Whether RE2 allows the scalar in a name: letters, marks, decimal and letter numbers, connecting punctuation.
    private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .letterNumber,
            .nonspacingMark, .spacingMark, .decimalNumber, .connectorPunctuation:
            true
        default:
            false
        }
    }

    func starts(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard position + length <= bytes.count else { return false }
        for offset in 0..<length where bytes[position + offset] != text.utf8Start[offset] {
            return false
        }
        return true
    }
}
