// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting
public import MeshSecurity

/// Tokens that requests carry (`envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication`).
public struct JWTFilter: Hashable, Sendable {
    /// What requests that match have to carry.
    public struct Rule: Hashable, Sendable {
        /// Which requests are meant.
        public var match: RouteMatch
        /// What they have to carry.
        public var requirement: Requirement

        /// Creates a rule.
        public init(_ match: RouteMatch, _ requirement: Requirement) {
            self.match = match
            self.requirement = requirement
        }
    }

    /// A requirement, or the name of one.
    public enum Requirement: Hashable, Sendable {
        /// This one.
        case inline(JWTRequirement)
        /// That of `JWTFilter.requirements` with this name.
        case named(String)
    }

    /// Who issues tokens.
    public var providers: [JWTProvider]
    /// What requests have to carry: the first rule that matches counts. A request that matches none needs no token.
    public var rules: [Rule]
    /// Requirements with names, for rules and for routes.
    public var requirements: [String: JWTRequirement]
    /// Whether a browser's question before a request passes without a token. Default `false`.
    public var bypassesPreflight: Bool
    /// Whether a refusal says nothing but its status. Default `false`.
    public var stripsFailure: Bool

    /// Creates a filter.
    public init(
        providers: [JWTProvider],
        rules: [Rule] = [],
        requirements: [String: JWTRequirement] = [:],
        bypassesPreflight: Bool = false,
        stripsFailure: Bool = false
    ) {
        self.providers = providers.sorted { $0.name < $1.name }
        self.rules = rules
        self.requirements = requirements
        self.bypassesPreflight = bypassesPreflight
        self.stripsFailure = stripsFailure
    }

    /// A filter that asks every request for the same.
    public init(providers: [JWTProvider], _ requirement: JWTRequirement) {
        self.init(providers: providers, rules: [Rule(RouteMatch(), .inline(requirement))])
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        var names: Set<String> = []
        for provider in providers {
            let path = "providers[\(provider.name)]"
            problems.require(names.insert(provider.name).inserted, path, "stands there twice")
            _ = problems.nest(path) { () throws(ConfigurationError) in try provider.validate() }
        }
        for (name, requirement) in requirements.sorted(by: { $0.key < $1.key }) {
            let path = "requirements[\(name)]"
            _ = problems.nest(path) { () throws(ConfigurationError) in try requirement.validate(providers: names) }
        }
        for (position, rule) in rules.enumerated() {
            let path = "rules[\(position)].requirement"
            switch rule.requirement {
            case .named(let name):
                problems.require(requirements[name] != nil, path, "there is no requirement \(name)")
            case .inline(let requirement):
                _ = problems.nest(path) { () throws(ConfigurationError) in
                    try requirement.validate(providers: names)
                }
            }
        }
        try problems.throwIfAny()
    }
}
