// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A listener's filter that says who may do what (`envoy.extensions.filters.http.rbac.v3.RBAC`): rules that are
/// enforced, and rules that are only tried.
public struct AuthorizationFilter: Hashable, Sendable {
    /// The filter's name on its listener, by which routes override it. Default empty: `envoy.filters.http.rbac`, and
    /// of several without a name `envoy.filters.http.rbac.2` and so on.
    public var name: String
    /// The rules that decide; `nil` for none, and then the filter lets everything through.
    public var rules: AuthorizationRules?
    /// Rules that decide nothing: what they would have said is recorded (`shadow_rules`). Default `nil`.
    public var shadowRules: AuthorizationRules?
    /// What metrics call the rules (`rules_stat_prefix`). Default empty.
    public var prefix: String
    /// What metrics and metadata call the shadow rules (`shadow_rules_stat_prefix`). Default empty.
    public var shadowPrefix: String

    /// The name that filters of this kind have by convention.
    public static let standardName = "envoy.filters.http.rbac"

    /// The name of a filter that has none of its own, by its place among the listener's authorization filters, from 1.
    package static func standardName(number: Int) -> String {
        number == 1 ? standardName : "\(standardName).\(number)"
    }

    /// Creates a filter.
    public init(
        name: String = "",
        rules: AuthorizationRules?,
        shadowRules: AuthorizationRules? = nil,
        prefix: String = "",
        shadowPrefix: String = ""
    ) {
        self.name = name
        self.rules = rules
        self.shadowRules = shadowRules
        self.prefix = prefix
        self.shadowPrefix = shadowPrefix
    }

    /// Nothing is asked and nothing tried.
    public static let none = AuthorizationFilter(rules: nil)
}
