// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides whether a request's path matches (`envoy.config.route.v3.RouteMatch.path_specifier`).
///
/// Queries are left out of the comparison, as Envoy does.
public struct PathMatcher: Hashable, Sendable {
    /// The way in which paths are compared.
    public enum Pattern: Hashable, Sendable {
        /// The path starts with it; `/` matches every path.
        case prefix(String)
        /// The path equals it.
        case exact(String)
        /// The whole path matches the regular expression.
        case regularExpression(RegularExpression)
    }

    /// What to compare with.
    public let pattern: Pattern
    /// Whether upper and lower case ASCII letters are the same (`case_sensitive: false`).
    public let ignoresCase: Bool

    private let matcher: StringMatcher
    /// Whether every path matches, those without a leading slash (`*`) too.
    private let matchesAll: Bool

    /// Creates a matcher.
    public init(_ pattern: Pattern, ignoresCase: Bool = false) {
        self.pattern = pattern
        self.ignoresCase = ignoresCase
        self.matchesAll = pattern == .prefix("/") || pattern == .prefix("")
        self.matcher =
            switch pattern {
            case .prefix(let prefix): StringMatcher(.prefix(prefix), ignoresCase: ignoresCase)
            case .exact(let path): StringMatcher(.exact(path), ignoresCase: ignoresCase)
            case .regularExpression(let expression): StringMatcher(.regularExpression(expression))
            }
    }

    /// Matches every path.
    public static let any = PathMatcher(.prefix("/"))

    /// Whether a path without its query matches.
    /// - Complexity: O(length of the path), times the program's size for regular expressions.
    public func matches(_ path: Substring) -> Bool {
        matchesAll || matcher.matches(path)
    }

    /// The same for a path in UTF-8, which a table looks at with many matchers.
    func matches(bytes path: UnsafeBufferPointer<UInt8>) -> Bool {
        matchesAll || matcher.matches(bytes: path)
    }
}
