// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides whether a text matches (`envoy.type.matcher.v3.StringMatcher`).
public struct StringMatcher: Hashable, Sendable {
    /// The way in which texts are compared.
    public enum Pattern: Hashable, Sendable {
        /// The whole text equals.
        case exact(String)
        /// The text starts with it.
        case prefix(String)
        /// The text ends with it.
        case suffix(String)
        /// The text contains it.
        case contains(String)
        /// The whole text matches the regular expression.
        case regularExpression(RegularExpression)
    }

    /// What to compare with.
    public let pattern: Pattern
    /// Whether upper and lower case ASCII letters are the same. Regular expressions say so themselves (`(?i)`).
    public let ignoresCase: Bool

    /// What texts are compared with, byte by byte; empty for regular expressions.
    private let needle: [UInt8]

    /// For `contains`: how many bytes of the needle still fit where the byte behind that many did not. So no byte of a
    /// text is looked at more than twice, whatever the needle repeats (Knuth, Morris and Pratt).
    private let fallbacks: [Int]

    /// The pattern's case without its text: to look at that one costs no reference count.
    private let comparison: Comparison

    private enum Comparison: Hashable {
        case exact, prefix, suffix, contains, regularExpression
    }

    /// Creates a matcher.
    public init(_ pattern: Pattern, ignoresCase: Bool = false) {
        self.ignoresCase = ignoresCase
        self.pattern = ignoresCase ? pattern.lowercased : pattern
        (comparison, needle) =
            switch self.pattern {
            case .exact(let text): (.exact, Array(text.utf8))
            case .prefix(let text): (.prefix, Array(text.utf8))
            case .suffix(let text): (.suffix, Array(text.utf8))
            case .contains(let text): (.contains, Array(text.utf8))
            case .regularExpression: (.regularExpression, [])
            }
        fallbacks = comparison == .contains ? Self.fallbacks(of: needle) : []
    }

    /// Whether `text` matches.
    /// - Complexity: O(length of text), times the program's size for regular expressions that have no small automaton.
    ///   No allocation.
    public func matches(_ text: some StringProtocol) -> Bool {
        RegularExpression.withUTF8(of: text) { matches(bytes: $0) }
    }

    /// Whether a text in UTF-8 matches: the form that tables use, which look at one text with many matchers.
    package func matches(bytes text: UnsafeBufferPointer<UInt8>) -> Bool {
        if comparison == .regularExpression {
            guard case .regularExpression(let expression) = pattern else { return false }
            return expression.accepts(text, extent: .whole)
        }
        return needle.withUnsafeBufferPointer { needle in
            let surplus = text.count - needle.count
            guard surplus >= 0 else { return false }
            switch comparison {
            case .exact: return surplus == 0 && holds(needle, text, at: 0)
            case .suffix: return holds(needle, text, at: surplus)
            case .contains: return contains(needle, text)
            case .prefix, .regularExpression: return holds(needle, text, at: 0)
            }
        }
    }

    private func contains(_ needle: UnsafeBufferPointer<UInt8>, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard needle.count > 1 else {
            guard let only = needle.first else { return true }
            return text.contains { (ignoresCase ? $0.asciiLowercased : $0) == only }
        }
        return fallbacks.withUnsafeBufferPointer { fallbacks in
            var fitting = 0
            for byte in text {
                let byte = ignoresCase ? byte.asciiLowercased : byte
                while fitting > 0, needle[fitting] != byte { fitting = fallbacks[fitting] }
                if needle[fitting] == byte { fitting += 1 }
                if fitting == needle.count { return true }
            }
            return false
        }
    }

    private static func fallbacks(of needle: [UInt8]) -> [Int] {
        var fallbacks = Array(repeating: 0, count: needle.count)
        var fitting = 0
        for position in needle.indices.dropFirst() {
            fallbacks[position] = fitting
            while fitting > 0, needle[fitting] != needle[position] { fitting = fallbacks[fitting] }
            if needle[fitting] == needle[position] { fitting += 1 }
        }
        return fallbacks
    }

    private func holds(
        _ needle: UnsafeBufferPointer<UInt8>,
        _ text: UnsafeBufferPointer<UInt8>,
        at start: Int
    ) -> Bool {
        // From the end: paths of one table begin alike.
        var offset = needle.count
        while offset > 0 {
            offset -= 1
            let byte = text[start + offset]
            guard needle[offset] == (ignoresCase ? byte.asciiLowercased : byte) else { return false }
        }
        return true
    }
}

extension StringMatcher.Pattern {
    fileprivate var lowercased: Self {
        switch self {
        case .exact(let text): .exact(text.asciiLowercased)
        case .prefix(let text): .prefix(text.asciiLowercased)
        case .suffix(let text): .suffix(text.asciiLowercased)
        case .contains(let text): .contains(text.asciiLowercased)
        case .regularExpression: self
        }
    }
}
