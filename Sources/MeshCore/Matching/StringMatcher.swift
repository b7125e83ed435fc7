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

    /// Creates a matcher.
    public init(_ pattern: Pattern, ignoresCase: Bool = false) {
        self.ignoresCase = ignoresCase
        self.pattern = ignoresCase ? pattern.lowercased : pattern
    }

    /// Whether `text` matches.
    /// - Complexity: O(length of text) for everything but `contains`, which is O(text × needle). No allocation.
    public func matches(_ text: some StringProtocol) -> Bool {
        let text = Substring(text)
        if case .regularExpression(let expression) = pattern { return expression.matchesWhole(text) }
        return ignoresCase
            ? Self.matches(pattern, text.utf8.lazy.map(\.asciiLowercased)) : Self.matches(pattern, text.utf8)
    }

    private static func matches(_ pattern: Pattern, _ text: some BidirectionalCollection<UInt8>) -> Bool {
        switch pattern {
        case .exact(let expected): text.elementsEqual(expected.utf8)
        case .prefix(let prefix): text.starts(with: prefix.utf8)
        case .suffix(let suffix): text.reversed().starts(with: suffix.utf8.reversed())
        case .contains(let needle): contains(needle.utf8, in: text)
        case .regularExpression: false
        }
    }

    private static func contains(_ needle: String.UTF8View, in text: some BidirectionalCollection<UInt8>) -> Bool {
        var rest = text[...]
        while true {
            if rest.starts(with: needle) { return true }
            if rest.popFirst() == nil { return false }
        }
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
