// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Tells Swift's code, comments and string literals apart, byte by byte.
///
/// It knows nested block comments, raw and multi-line strings, and that an interpolation is code again. It does not
/// know regular-expression literals, whose text is taken as code.
struct CommentLexer {
    private enum State {
        case code
        case lineComment
        case blockComment
        case string(hashes: Int, isMultiline: Bool)
        case interpolation(openParentheses: Int)
    }

    // Plain comparisons of bytes throughout: a debug build reads the whole repository in a second this way, and takes
    // twenty with slices and sequences.
    private static let slash = UInt8(ascii: "/")
    private static let star = UInt8(ascii: "*")
    private static let quote = UInt8(ascii: "\"")
    private static let hash = UInt8(ascii: "#")
    private static let backslash = UInt8(ascii: "\\")
    private static let lineBreak = UInt8(ascii: "\n")
    private static let open = UInt8(ascii: "(")
    private static let close = UInt8(ascii: ")")
    private static let space = UInt8(ascii: " ")

    private let bytes: [UInt8]
    private var position = 0
    private var states: [State] = [.code]
    private var codeBytes: [UInt8]
    private var commentBytes: [UInt8]

    init(_ text: String) {
        bytes = Array(text.utf8)
        codeBytes = [UInt8](repeating: Self.space, count: bytes.count)
        commentBytes = codeBytes
    }

    var code: String { String(decoding: codeBytes, as: UTF8.self) }
    var comments: String { String(decoding: commentBytes, as: UTF8.self) }

    mutating func run() {
        while position < bytes.count {
            switch states[states.count - 1] {
            case .code: stepInCode(openParentheses: nil)
            case .interpolation(let open): stepInCode(openParentheses: open)
            case .lineComment: stepInLineComment()
            case .blockComment: stepInBlockComment()
            case .string(let hashes, let isMultiline): stepInString(hashes: hashes, isMultiline: isMultiline)
            }
        }
    }

    private mutating func stepInLineComment() {
        if bytes[position] == Self.lineBreak { states.removeLast() }
        takeComment(1)
    }

    private mutating func stepInBlockComment() {
        if byte(0) == Self.star, byte(1) == Self.slash {
            states.removeLast()
            takeComment(2)
        } else if byte(0) == Self.slash, byte(1) == Self.star {
            states.append(.blockComment)
            takeComment(2)
        } else {
            takeComment(1)
        }
    }

    private mutating func stepInCode(openParentheses: Int?) {
        switch byte(0) {
        case Self.slash where byte(1) == Self.slash:
            states.append(.lineComment)
            takeComment(2)
        case Self.slash where byte(1) == Self.star:
            states.append(.blockComment)
            takeComment(2)
        case Self.quote, Self.hash:
            let hashes = hashCount(from: 0)
            guard byte(hashes) == Self.quote else { return takeCode(max(1, hashes)) }
            let isMultiline = byte(hashes + 1) == Self.quote && byte(hashes + 2) == Self.quote
            states.append(.string(hashes: hashes, isMultiline: isMultiline))
            takeCode(hashes + (isMultiline ? 3 : 1))
        case Self.open:
            if let openParentheses { states[states.count - 1] = .interpolation(openParentheses: openParentheses + 1) }
            takeCode(1)
        case Self.close:
            if let openParentheses {
                states[states.count - 1] = .interpolation(openParentheses: openParentheses - 1)
                if openParentheses == 1 { states.removeLast() }
            }
            takeCode(1)
        default:
            takeCode(1)
        }
    }

    private mutating func stepInString(hashes: Int, isMultiline: Bool) {
        switch byte(0) {
        case Self.quote:
            let quotes = isMultiline ? 3 : 1
            let isEnd = !isMultiline || byte(1) == Self.quote && byte(2) == Self.quote
            guard isEnd, hashCount(from: quotes) >= hashes else { return skip(1) }
            states.removeLast()
            takeCode(quotes + hashes)
        case Self.backslash where hashCount(from: 1) >= hashes:
            if byte(hashes + 1) == Self.open { states.append(.interpolation(openParentheses: 1)) }
            skip(hashes + 2)
        case Self.lineBreak:
            // A string on one line ends there at the latest: a lexer that is wrong once must not stay wrong.
            if !isMultiline { states.removeLast() }
            skip(1)
        default:
            skip(1)
        }
    }

    /// The byte so many places on; zero behind the end.
    private func byte(_ offset: Int) -> UInt8 {
        position + offset < bytes.count ? bytes[position + offset] : 0
    }

    private func hashCount(from offset: Int) -> Int {
        var count = 0
        while byte(offset + count) == Self.hash { count += 1 }
        return count
    }

    private mutating func takeCode(_ count: Int) { advance(count, isCode: true, isComment: false) }
    private mutating func takeComment(_ count: Int) { advance(count, isCode: false, isComment: true) }
    private mutating func skip(_ count: Int) { advance(count, isCode: false, isComment: false) }

    private mutating func advance(_ count: Int, isCode: Bool, isComment: Bool) {
        let end = min(position + count, bytes.count)
        while position < end {
            let byte = bytes[position]
            if isCode || byte == Self.lineBreak { codeBytes[position] = byte }
            if isComment || byte == Self.lineBreak { commentBytes[position] = byte }
            position += 1
        }
    }
}
