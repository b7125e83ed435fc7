// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension RegularExpression {
    /// A replacement text for the matches of one expression, in RE2's rewrite syntax.
    ///
    /// `\0` stands for the whole match, `\1` to `\9` for the capturing groups, `\\` for a backslash; all else is literal.
    /// This is the `substitution` of Envoy's `RegexMatchAndSubstitute`.
    public struct Rewrite: Sendable, Hashable, CustomStringConvertible {
        enum Piece: Sendable, Hashable {
            case literal([UInt8])
            case group(Int)
        }

        /// The rewrite as it was given.
        public let text: String

        let pieces: [Piece]

        /// The highest group referred to.
        var lastGroup: Int {
            pieces.reduce(0) { last, piece in
                if case .group(let group) = piece { max(last, group) } else { last }
            }
        }

        /// Parses a rewrite and checks that `expression` has the groups that it refers to.
        ///
        /// - Throws: `RegularExpressionError` if a backslash is dangling or escapes anything but a digit or a
        ///   backslash, or if a group is referred to that `expression` does not have.
        public init(_ text: String, for expression: RegularExpression) throws(RegularExpressionError) {
            var pieces: [Piece] = []
            var literal: [UInt8] = []
            let bytes = Array(text.utf8)
            var position = 0
            while position < bytes.count {
                guard bytes[position] == UInt8(ascii: "\\") else {
                    literal.append(bytes[position])
                    position += 1
                    continue
                }
                guard position + 1 < bytes.count else {
                    throw RegularExpressionError(.trailingRewriteBackslash, at: position, fragment: "\\")
                }
                let escaped = bytes[position + 1]
                switch escaped {
                case UInt8(ascii: "\\"):
                    literal.append(escaped)
                case UInt8(ascii: "0")...UInt8(ascii: "9"):
                    let group = Int(escaped - UInt8(ascii: "0"))
                    guard group <= expression.captureGroupCount else {
                        throw RegularExpressionError(.missingRewriteGroup, at: position, fragment: "\\\(group)")
                    }
                    if !literal.isEmpty {
                        pieces.append(.literal(literal))
                        literal = []
                    }
                    pieces.append(.group(group))
                default:
                    throw RegularExpressionError(.invalidRewriteEscape, at: position, fragment: "\\")
                }
                position += 2
            }
            if !literal.isEmpty {
                pieces.append(.literal(literal))
            }
            self.text = text
            self.pieces = pieces
        }

        /// The rewrite as it was given.
        public var description: String { text }
    }

    /// The input with every match replaced, from left to right and without overlap (`RE2::GlobalReplace`).
    ///
    /// Matches are leftmost-first, as in Perl. A group that took no part in a match is replaced by nothing, and so is a
    /// group that this expression does not have, should the rewrite have been made for another. An empty match directly
    /// after a match is skipped.
    ///
    /// - Complexity: O(*n*) if nothing matches and the pattern has a small automaton; else O(*k* · *n* · *m*) for *k*
    ///   replacements in an input of *n* bytes by a program of size *m*, as each search may have to look at the rest of
    ///   the input. RE2 has the same bound.
    public func replacingAll(in input: some StringProtocol, with rewrite: Rewrite) -> String {
        let replaced = Self.withUTF8(of: input) { bytes in replacing(in: bytes, with: rewrite) }
        guard let replaced else { return String(input) }
        return String(decoding: replaced, as: UTF8.self)
    }

    /// The input with every match replaced by a rewrite that is parsed for this one use.
    ///
    /// - Throws: `RegularExpressionError` if the rewrite is malformed or refers to a group that the pattern lacks.
    /// - Complexity: As for the overload that takes a ``Rewrite``.
    public func replacingAll(
        in input: some StringProtocol,
        with rewrite: String
    ) throws(RegularExpressionError) -> String {
        replacingAll(in: input, with: try Rewrite(rewrite, for: self))
    }

    /// The replaced text, or `nil` if nothing matched.
    private func replacing(in bytes: UnsafeBufferPointer<UInt8>, with rewrite: Rewrite) -> [UInt8]? {
        guard compiled.accepts(bytes, extent: .anywhere) else { return nil }
        var simulation = CaptureSimulation(compiled.program, groups: rewrite.lastGroup)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var position = 0
        var endOfLastMatch: Int?
        while position <= bytes.count {
            guard let match = simulation.firstMatch(in: bytes, from: position, extent: .anywhere) else { break }
            output.append(contentsOf: bytes[position..<match.start])
            if match.start == endOfLastMatch, match.start == match.end {
                // Keep one scalar as it is, or the search would find this empty match for ever.
                let next = Self.endOfScalar(at: position, in: bytes)
                output.append(contentsOf: bytes[position..<min(next, bytes.count)])
                position = next
                continue
            }
            for piece in rewrite.pieces {
                switch piece {
                case .literal(let literal):
                    output.append(contentsOf: literal)
                case .group(let group):
                    if let range = match.range(ofGroup: group) {
                        output.append(contentsOf: bytes[range])
                    }
                }
            }
            position = match.end
            endOfLastMatch = position
        }
        if position < bytes.count {
            output.append(contentsOf: bytes[position...])
        }
        return output
    }

    private static func endOfScalar(at position: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var end = position + 1
        while end < bytes.count, UTF8.isContinuation(bytes[end]) {
            end += 1
        }
        return end
    }
}
