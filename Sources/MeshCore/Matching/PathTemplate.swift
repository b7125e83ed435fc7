// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A path with variables: `/{country}/{rest=**}` (`envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig`).
///
/// It begins with a slash. Between slashes stands a literal of the characters that RFC 3986 allows in a path segment but
/// for `*`; or `*` for one segment that is not empty, or `**` for any number of segments, behind which a literal may end
/// the template; or a variable in braces with or without literals around it: `{name}` takes one segment, `{name=pattern}`
/// what the pattern of literals and operators takes. Behind `**` there are literals only. There are at most 5 variables,
/// with different names of 1 to 16 letters, digits and `_` that begin with a letter.
///
/// That is what Envoy 1.40 takes, but that it reads a `*` within a literal as the repetition of a regular expression.
public struct PathTemplate: Hashable, Sendable {
    /// The template as it is written.
    public let text: String
    /// The names of its variables, in order.
    public let variables: [String]
    /// What paths are matched by, in time linear in their length; its groups are the variables.
    package let expression: RegularExpression

    /// Compiles a template.
    /// - Throws: `ConfigurationError` that says what is wrong with it.
    public init(_ text: String) throws(ConfigurationError) {
        var parser = PathTemplateParser(text)
        try parser.parse()
        self.text = text
        self.variables = parser.variables
        do {
            // The anchors are for rewrites, which search.
            self.expression = try RegularExpression("^\(parser.pattern)$")
        } catch {
            throw ConfigurationError(path: "", "\"\(text)\" is too long a template: \(error)")
        }
    }

    /// Whether a path without its query is one of the template's.
    /// - Complexity: O(length of the path).
    public func matches(_ path: some StringProtocol) -> Bool {
        expression.matchesWhole(path)
    }
}
