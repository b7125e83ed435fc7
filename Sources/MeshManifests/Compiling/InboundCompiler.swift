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

    /// Refusals first, then permissions, as Istio asks them.
    private var filters: [HTTPFilter] {
        let authorizations = manifests.model.authorizations.filter(applies)
        let compiler = AuthorizationCompiler(trustDomain: manifests.security.trustDomain)
        var filters: [HTTPFilter] = []
        let refusals =
            authorizations.filter { $0.action == .deny }.flatMap(compiler.policies)
            + mixer.policies(for: client)
        if !refusals.isEmpty {
            filters.append(.authorization(AuthorizationRules(action: .deny, policies: refusals)))
        }
        let permissions = authorizations.filter { $0.action == .allow }
        // One permission is enough to refuse what no permission allows, even if it allows nothing.
        if !permissions.isEmpty {
            let policies = permissions.flatMap(compiler.policies)
            filters.append(.authorization(AuthorizationRules(action: .allow, policies: policies)))
        }
        return filters
    }

    private var mixer: MixerCompiler {
        MixerCompiler(model: manifests.model, directory: manifests.directory, security: manifests.security)
    }

    /// Whether a policy is about this workload: it is of its namespace or of the root namespace, and selects it.
    private func applies(_ authorization: Authorization) -> Bool {
        let namespaces = [client.node.namespace, manifests.security.rootNamespace]
        return namespaces.contains(authorization.metadata.namespace)
            && client.labels.satisfies(authorization.workloadLabels ?? [:])
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
