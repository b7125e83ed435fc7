// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A word of a Mixer condition.
struct MixerToken: Equatable, CustomStringConvertible {
    enum Kind: Equatable {
        /// `source.labels`, `true`.
        case name
        /// A text in quotes, without them.
        case text
        case symbol
    }

    var kind: Kind
    var text: String
    /// Where it begins, in bytes.
    var offset: Int

    var description: String { kind == .text ? "\"\(text)\"" : text }

    /// Cuts a condition into words.
    static func tokens(of condition: String) throws(MixerExpressionParser.Problem) -> [MixerToken] {
        let bytes = Array(condition.utf8)
        var tokens: [MixerToken] = []
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") {
                position += 1
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "`") {
                tokens.append(try text(in: bytes, at: &position))
            } else if isNameByte(byte) {
                let start = position
                while position < bytes.count, isNameByte(bytes[position]) { position += 1 }
                let name = String(decoding: bytes[start..<position], as: UTF8.self)
                tokens.append(MixerToken(kind: .name, text: name, offset: start))
            } else {
                tokens.append(try symbol(in: bytes, at: &position))
            }
        }
        return tokens
    }

    private static func text(
        in bytes: [UInt8],
        at position: inout Int
    ) throws(MixerExpressionParser.Problem) -> MixerToken {
        let start = position
        let quote = bytes[start]
        var content: [UInt8] = []
        position += 1
        while position < bytes.count, bytes[position] != quote {
            if bytes[position] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                position += 1
                let isKnown = position < bytes.count && [quote, UInt8(ascii: "\\")].contains(bytes[position])
                guard isKnown else {
                    throw MixerExpressionParser.Problem(offset: position - 1, message: "this escape is not supported")
                }
            }
            content.append(bytes[position])
            position += 1
        }
        guard position < bytes.count else {
            throw MixerExpressionParser.Problem(offset: start, message: "the text has no closing quote")
        }
        position += 1
        return MixerToken(kind: .text, text: String(decoding: content, as: UTF8.self), offset: start)
    }

    private static func symbol(
        in bytes: [UInt8],
        at position: inout Int
    ) throws(MixerExpressionParser.Problem) -> MixerToken {
        let start = position
        for symbol in ["==", "!=", "&&", "||", "(", ")", "[", "]"] where bytes[start...].starts(with: symbol.utf8) {
            position += symbol.utf8.count
            return MixerToken(kind: .symbol, text: symbol, offset: start)
        }
        let rest = String(decoding: bytes[start...], as: UTF8.self)
        throw MixerExpressionParser.Problem(offset: start, message: "\(rest.prefix(1)) is not supported")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
