// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A regular expression and what its matches become (`envoy.type.matcher.v3.RegexMatchAndSubstitute`).
public struct RegexSubstitution: Hashable, Sendable {
    /// What is looked for.
    public let expression: RegularExpression
    /// What every match becomes; `\1` to `\9` stand for groups, `\0` for the whole match, `\\` for a backslash.
    public let substitution: String

    /// The substitution, parsed; `nil` if it is malformed.
    private let rewrite: RegularExpression.Rewrite?

    /// Creates a substitution.
    public init(_ expression: RegularExpression, substitution: String) {
        self.expression = expression
        self.substitution = substitution
        self.rewrite = try? RegularExpression.Rewrite(substitution, for: expression)
    }

    /// Checks that the substitution is well formed and names only groups that the expression has.
    /// - Throws: `ConfigurationError` that says what is wrong.
    public func validate() throws(ConfigurationError) {
        do {
            _ = try RegularExpression.Rewrite(substitution, for: expression)
        } catch {
            throw ConfigurationError(path: "substitution", "\(error)")
        }
    }

    /// A text with every match replaced; a malformed substitution leaves it as it is, as RE2 does.
    /// - Complexity: That of `RegularExpression.replacingAll(in:with:)`.
    public func applied(to text: some StringProtocol) -> String {
        guard let rewrite else { return String(text) }
        return expression.replacingAll(in: text, with: rewrite)
    }
}
