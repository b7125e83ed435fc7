// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why a pattern or a rewrite was refused, and where.
public struct RegularExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, in RE2's words.
    public let problem: Problem

    /// Where the offending part begins: an offset in bytes into the UTF-8 of the pattern or rewrite.
    public let position: Int

    /// The offending part of the pattern or rewrite; empty if the problem is with the whole.
    public let fragment: String

    init(_ problem: Problem, at position: Int, fragment: String = "") {
        self.problem = problem
        self.position = position
        self.fragment = fragment
    }

    /// The problem, the offending part and its position, on one line.
    public var description: String {
        fragment.isEmpty ? "\(problem) at offset \(position)" : "\(problem): \(fragment) at offset \(position)"
    }

    /// A kind of problem; new kinds may be added.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidEscape = "invalid escape sequence"
            case invalidCharacterRange = "invalid character class range"
            case missingBracket = "missing ]"
            case missingParenthesis = "missing )"
            case unexpectedParenthesis = "unexpected )"
            case trailingBackslash = "trailing \\"
            case missingRepetitionArgument = "no argument for repetition operator"
            case invalidRepetitionSize = "invalid repetition size"
            case invalidRepetitionOperator = "bad repetition operator"
            case invalidPerlOperator = "invalid perl operator"
            case invalidNamedGroup = "invalid named capture group"
            case patternTooLarge = "pattern too large - compile failed"
            case nestingTooDeep = "expression nests too deeply"
            case invalidRewriteEscape = "'\\' must be followed by a digit or '\\'"
            case trailingRewriteBackslash = "'\\' not allowed at end of rewrite"
            case missingRewriteGroup = "rewrite refers to more groups than the pattern has"
        }

        private let kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// The wording of the problem.
        public var description: String { kind.rawValue }

        /// An escape that is unknown, malformed, or asks for an unsupported feature such as a back-reference.
        public static let invalidEscape = Problem(.invalidEscape)

        /// A class range that runs backwards, or a class name that is not known.
        public static let invalidCharacterRange = Problem(.invalidCharacterRange)

        /// A class without its closing bracket.
        public static let missingBracket = Problem(.missingBracket)

        /// A group without its closing parenthesis.
        public static let missingParenthesis = Problem(.missingParenthesis)

        /// A closing parenthesis without its group.
        public static let unexpectedParenthesis = Problem(.unexpectedParenthesis)

        /// A backslash with nothing to escape.
        public static let trailingBackslash = Problem(.trailingBackslash)

        /// A repetition operator with nothing to repeat.
        public static let missingRepetitionArgument = Problem(.missingRepetitionArgument)

        /// A repetition count over 1000, alone or multiplied by the counts it is nested in, or counts out of order.
        public static let invalidRepetitionSize = Problem(.invalidRepetitionSize)

        /// A repetition operator directly after another.
        public static let invalidRepetitionOperator = Problem(.invalidRepetitionOperator)

        /// An unknown or unsupported `(?…` construct, such as look-around.
        public static let invalidPerlOperator = Problem(.invalidPerlOperator)

        /// A group name that is empty, unterminated or not made of word characters.
        public static let invalidNamedGroup = Problem(.invalidNamedGroup)

        /// A pattern whose program exceeds `RegularExpression.Options.maximumProgramSize`.
        public static let patternTooLarge = Problem(.patternTooLarge)

        /// A pattern whose groups and operators nest deeper than this engine allows.
        public static let nestingTooDeep = Problem(.nestingTooDeep)

        /// A rewrite in which a backslash precedes neither a digit nor a backslash.
        public static let invalidRewriteEscape = Problem(.invalidRewriteEscape)

        /// A rewrite that ends in a single backslash.
        public static let trailingRewriteBackslash = Problem(.trailingRewriteBackslash)

        /// A rewrite that refers to a group the pattern does not have.
        public static let missingRewriteGroup = Problem(.missingRewriteGroup)
    }
}
