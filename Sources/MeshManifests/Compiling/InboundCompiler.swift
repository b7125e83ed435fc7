// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity

/// Compiles what a workload needs to serve: a listener for each address, with its authorization.
struct InboundCompiler {
    let manifests: PreparedManifests
    let client: Client

    func listener(at address: EndpointAddress) -> Listener {
        Listener(
            name: "xds.istio.io/grpc/lds/inbound/\(address)",
            direction: .inbound(address: address, security: security(at: address)),
            filters: client.isOptedOut ? [] : filters,
            routes: .inline(routes(at: address))
        )
    }

    private func security(at address: EndpointAddress) -> Listener.InboundSecurity {
        guard !client.isOptedOut else { return .plaintext }
        let mode = manifests.security.mode(
            labels: client.labels,
            namespace: client.node.namespace,
            port: address.port
        )
        switch mode {
        case .strict: return .mutualTLS
        case .permissive: return .permissive
        case .disabled: return .plaintext
        }
    }

    /// Whose tokens the workload believes, as istiod asks: a token that is there must be a good one of one of the issuers,
    /// and none need be there. Of several issuers, one that knows the token is enough; where each has places of its own, all
    /// the tokens must be good.
    private var tokens: HTTPFilter? {
        let found = manifests.model.requestAuthentications.filter {
            applies($0.metadata, labels: $0.workloadLabels)
        }
        // In the order of issuers, and of two alike in that of the manifests.
        let rules = found.flatMap(\.providers).enumerated().sorted {
            ($0.element.issuer, $0.offset) < ($1.element.issuer, $1.offset)
        }
        guard !rules.isEmpty else { return nil }
        let providers = rules.enumerated().map { number, rule in
            var provider = rule.element
            provider.name = "origins-\(number)"
            return provider
        }
        let each = providers.map { JWTRequirement.any([.provider($0.name), .allowMissing]) }
        let requirement: JWTRequirement =
            each.count == 1 ? each[0] : .any(providers.map { .provider($0.name) } + [.all(each)])
        var filter = JWTFilter(providers: providers, requirement)
        filter.bypassesPreflight = true
        return .jwt(filter)
    }

    /// Whose tokens are believed, whom others decide about, what is logged, refusals and then permissions, in Istio's order.
    private var filters: [HTTPFilter] {
        let authorizations = manifests.model.authorizations.filter(applies)
        let compiler = AuthorizationCompiler(trustDomain: manifests.security.trustDomain)
        var filters: [HTTPFilter] = tokens.map { [$0] } ?? []
        let providers = manifests.model.authorizationProviders
        let custom = CustomAuthorization(authorizations, compiler: compiler) { name, prefix in
            providers.first { $0.name == name }?.filter(policyPrefix: prefix)
        }
        filters += custom.filters
        for action in [AuthorizationRules.Action.log, .deny, .allow] {
            let own = authorizations.filter { $0.action == .rules(action) }
            var enforced = own.filter { !$0.isDryRun }.flatMap { compiler.policies($0) }
            if action == .deny { enforced += mixer.policies(for: client) }
            let tried = own.filter(\.isDryRun)
            // One permission is enough to refuse what no permission allows, even if it allows nothing.
            let isEnforced = action == .allow ? own.contains { !$0.isDryRun } : !enforced.isEmpty
            guard isEnforced || !tried.isEmpty else { continue }
            let shadow = AuthorizationRules(action: action, policies: tried.flatMap { compiler.policies($0) })
            let filter = AuthorizationFilter(
                rules: isEnforced ? AuthorizationRules(action: action, policies: enforced) : nil,
                shadowRules: tried.isEmpty ? nil : shadow,
                shadowPrefix: tried.isEmpty || action == .log ? "" : "istio_dry_run_\(action.rawValue)_"
            )
            filters.append(.authorization(filter))
        }
        return filters
    }

    private var mixer: MixerCompiler {
        MixerCompiler(model: manifests.model, directory: manifests.directory, security: manifests.security)
    }

    /// Whether a policy is about this workload: it is of its namespace or of the root namespace, and selects it, or names
    /// one of its services.
    private func applies(_ authorization: Authorization) -> Bool {
        if !authorization.targetServices.isEmpty {
            return authorization.targetServices.contains(where: client.services.contains)
        }
        return applies(authorization.metadata, labels: authorization.workloadLabels)
    }

    private func applies(_ metadata: ManifestMetadata, labels: [String: String]?) -> Bool {
        let namespaces = [client.node.namespace, manifests.security.rootNamespace]
        return namespaces.contains(metadata.namespace) && client.labels.satisfies(labels ?? [:])
    }

    private func routes(at address: EndpointAddress) -> RouteConfiguration {
        let name = "inbound|\(address.port.map(String.init) ?? address.host)||"
        let route = Route(name: "default", action: .nonForwarding)
        return RouteConfiguration(
            name: name,
            virtualHosts: [VirtualHost(name: name, domains: [.any], routes: [route])]
        )
    }
}
