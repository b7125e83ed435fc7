// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides whether a request's path matches (`envoy.config.route.v3.RouteMatch.path_specifier`).
///
/// Queries and fragments are left out of the comparison, as Envoy does. Paths are compared byte by byte as they were
/// sent: `%` escapes and dot segments are not undone.
public struct PathMatcher: Hashable, Sendable {
    /// The way in which paths are compared.
    public enum Pattern: Hashable, Sendable {
        /// The path starts with it.
        case prefix(String)
        /// The path equals it.
        case exact(String)
        /// The whole path matches the regular expression.
        case regularExpression(RegularExpression)
        /// The path equals it, or goes on behind it with a slash: `/a` holds for `/a` and `/a/b`, not for `/ab`.
        case separatedPrefix(String)
        /// The path is one of the template's.
        case template(PathTemplate)
        /// The request is a `CONNECT`, whatever its path.
        case connect
    }

    /// What to compare with.
    public let pattern: Pattern
    /// Whether upper and lower case ASCII letters are the same (`case_sensitive: false`).
    public let ignoresCase: Bool

    private let matcher: StringMatcher
    /// The pattern's case without what it holds: to look at that one costs no reference count.
    let kind: Kind
    /// The length of a separated prefix.
    private let length: Int

    enum Kind: Hashable {
        case prefix, exact, regularExpression, separatedPrefix, template, connect
    }

    /// Creates a matcher.
    public init(_ pattern: Pattern, ignoresCase: Bool = false) {
        self.pattern = pattern
        self.ignoresCase = ignoresCase
        var length = 0
        (kind, matcher) =
            switch pattern {
            case .prefix(let prefix): (.prefix, StringMatcher(.prefix(prefix), ignoresCase: ignoresCase))
            case .exact(let path): (.exact, StringMatcher(.exact(path), ignoresCase: ignoresCase))
            case .regularExpression(let expression): (.regularExpression, StringMatcher(.regularExpression(expression)))
            case .separatedPrefix(let prefix):
                (.separatedPrefix, StringMatcher(.prefix(prefix), ignoresCase: ignoresCase))
            case .template(let template): (.template, StringMatcher(.regularExpression(template.expression)))
            case .connect: (.connect, StringMatcher(.prefix("")))
            }
        if case .separatedPrefix(let prefix) = pattern { length = prefix.utf8.count }
        self.length = length
    }

    /// Matches every path that begins with a slash, as all do but the `*` of `OPTIONS *`.
    public static let any = PathMatcher(.prefix("/"))

    /// Whether a path without its query matches; never for `connect`, which asks for the method.
    /// - Complexity: O(length of the path), times the program's size for regular expressions that have no small
    ///   automaton.
    public func matches(_ path: Substring) -> Bool {
        var path = path
        return path.withUTF8 { matches(bytes: $0, isConnect: false) }
    }

    /// The same for a path in UTF-8, which a table looks at with many matchers.
    func matches(bytes path: UnsafeBufferPointer<UInt8>, isConnect: Bool) -> Bool {
        switch kind {
        case .connect: isConnect
        case .separatedPrefix:
            matcher.matches(bytes: path) && (path.count == length || path[length] == UInt8(ascii: "/"))
        case .prefix, .exact, .regularExpression, .template: matcher.matches(bytes: path)
        }
    }

    /// Whether every path matches that begins with a slash.
    var takesPathsWithSlash: Bool {
        pattern == .prefix("/") || pattern == .prefix("")
    }

    /// Whether an index that led to the matcher by its text has not shown yet that it matches.
    var needsCheck: Bool {
        switch kind {
        case .exact, .prefix: false
        // An empty one has no text that an index could lead by.
        case .separatedPrefix: length == 0
        case .regularExpression, .template, .connect: true
        }
    }
}
