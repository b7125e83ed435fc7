// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Takes a format apart.
struct FormatParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The pieces, in order; neighbouring literals are one.
    mutating func parse() throws(ConfigurationError) -> [HeaderFormat.Piece] {
        var pieces: [HeaderFormat.Piece] = []
        var literal: [UInt8] = []
        let percent = UInt8(ascii: "%")
        while position < bytes.count {
            guard bytes[position] == percent else {
                literal.append(bytes[position])
                position += 1
                continue
            }
            if position + 1 < bytes.count, bytes[position + 1] == percent {
                literal.append(percent)
                position += 2
                continue
            }
            if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
            literal = []
            pieces.append(try parseOperator())
        }
        if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
        return pieces
    }

    /// `%NAME%`, `%NAME(argument)%`, `%NAME(argument):length%` from its first `%` to behind its last.
    private mutating func parseOperator() throws(ConfigurationError) -> HeaderFormat.Piece {
        let start = position
        position += 1
        let name = take { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard !name.isEmpty else {
            throw broken(start, "a % that begins no operator; %% stands for a %")
        }
        var argument: String?
        if current == UInt8(ascii: "(") {
            position += 1
            argument = take { $0 != UInt8(ascii: ")") }
            guard current == UInt8(ascii: ")") else { throw broken(start, "\(name) has no closing parenthesis") }
            position += 1
        }
        var maximumLength: Int?
        if current == UInt8(ascii: ":") {
            position += 1
            let digits = take { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard let length = Int(digits) else { throw broken(start, "the length behind \(name) is no whole number") }
            maximumLength = length
        }
        guard current == UInt8(ascii: "%") else { throw broken(start, "\(name) is not closed by a %") }
        position += 1
        do {
            return .fact(
                try FormatOperator(name, argument: argument, hasLength: maximumLength != nil),
                maximumLength: maximumLength
            )
        } catch {
            throw broken(start, error.description)
        }
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(while belongs: (UInt8) -> Bool) -> String {
        let start = position
        while position < bytes.count, belongs(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private func broken(_ position: Int, _ message: String) -> ConfigurationError {
        ConfigurationError(path: "", "at byte \(position): \(message)")
    }
}
