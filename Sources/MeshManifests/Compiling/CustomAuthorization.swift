// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshSecurity

/// Policies with the action CUSTOM: their rules say about which requests an external authorizer decides.
///
/// As istiod does it: rules that are only tried note the policy that matches in the request's metadata
/// (`envoy.filters.http.rbac`, `istio_ext_authz_shadow_effective_policy_id`), and the filter that asks the authorizer is
/// enabled by that, where the policy's name begins with `istio-ext-authz-PROVIDER-`.
struct CustomAuthorization {
    /// What metadata of the rules is called.
    static let shadowPrefix = "istio_ext_authz_"

    /// The filter that asks an authorizer, of requests whose matching policy begins with such a prefix; `nil` for a
    /// provider that is not known.
    typealias Authorizer = (_ provider: String, _ policyPrefix: String) -> HTTPFilter?

    private let authorizations: [Authorization]
    private let compiler: AuthorizationCompiler
    private let authorizer: Authorizer

    init(
        _ authorizations: [Authorization],
        compiler: AuthorizationCompiler,
        authorizer: @escaping Authorizer = { _, _ in nil }
    ) {
        self.authorizations = authorizations.filter { if case .custom = $0.action { true } else { false } }
        self.compiler = compiler
        self.authorizer = authorizer
    }

    /// The filters, provider by provider in the order of their names. Requests that an unknown provider should decide about
    /// are refused, as in Istio; policies that are only tried do nothing then.
    var filters: [HTTPFilter] {
        var byProvider: [String: [Authorization]] = [:]
        for authorization in authorizations {
            guard case .custom(let provider) = authorization.action else { continue }
            byProvider[provider, default: []].append(authorization)
        }
        return byProvider.sorted { $0.key < $1.key }.flatMap { provider, authorizations in
            let prefix = Self.policyPrefix(provider: provider)
            let policies = authorizations.filter { !$0.isDryRun }.flatMap { compiler.policies($0, prefix: prefix) }
            guard !policies.isEmpty else { return [HTTPFilter]() }
            let rules = AuthorizationRules(action: .deny, policies: policies)
            guard let filter = authorizer(provider, prefix) else { return [.authorization(rules)] }
            let marking = AuthorizationFilter(rules: nil, shadowRules: rules, shadowPrefix: Self.shadowPrefix)
            return [.authorization(marking), filter]
        }
    }

    /// What the names of a provider's policies begin with.
    static func policyPrefix(provider: String) -> String { "istio-ext-authz-\(provider)-" }
}
