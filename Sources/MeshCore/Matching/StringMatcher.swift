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
    /// - Complexity: O(length of text) for everything but `contains`, which is O(text × needle).
    public func matches(_ text: some StringProtocol) -> Bool {
        if ignoresCase { return Self.matches(pattern, text.lowercased()[...]) }
        return Self.matches(pattern, Substring(text))
    }

    private static func matches(_ pattern: Pattern, _ text: Substring) -> Bool {
        switch pattern {
        case .exact(let expected): text.utf8.elementsEqual(expected.utf8)
        case .prefix(let prefix): text.utf8.starts(with: prefix.utf8)
        case .suffix(let suffix): text.utf8.reversed().starts(with: suffix.utf8.reversed())
        case .contains(let needle): contains(needle.utf8, in: text.utf8)
        case .regularExpression(let expression): expression.matchesWhole(text)
        }
    }

    private static func contains(_ needle: String.UTF8View, in text: Substring.UTF8View) -> Bool {
        var rest = text[...]
        let length = needle.count
        while rest.count >= length {
            if rest.starts(with: needle) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}

extension StringMatcher.Pattern {
    fileprivate var lowercased: Self {
        switch self {
        case .exact(let text): .exact(text.lowercased())
        case .prefix(let text): .prefix(text.lowercased())
        case .suffix(let text): .suffix(text.lowercased())
        case .contains(let text): .contains(text.lowercased())
        case .regularExpression: self
        }
    }
}
