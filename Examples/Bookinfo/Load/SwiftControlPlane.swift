// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshXDS

/// A control plane in a few lines: one configuration, written in Swift, for whoever connects.
///
/// It is for what xDS has fields for and Istio's manifests have not, short of an `EnvoyFilter`.
struct SwiftControlPlane: XDSResourceProvider {
    private let configuration: ProvidedResources

    init(_ resources: MeshResources) {
        self.configuration = ProvidedResources(resources: resources, version: "1")
    }

    /// Serves over xDS, on a port of the system's choice, as long as `body` takes.
    func serve<Value: Sendable>(
        _ body: @Sendable (_ address: EndpointAddress) async throws -> Value
    ) async throws -> Value {
        let server = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            return try await body(try await server.listeningAddress)
        }
    }

    func resources(for node: XDSNode) async -> ProvidedResources { configuration }

    /// Nothing changes.
    func changes() -> AsyncStream<Void> { AsyncStream { _ in } }

    func noticed(_ event: XDSServerEvent) {
        guard case .rejected(_, let kind, _, let message) = event else { return }
        print("the reader refuses a \(kind.rawValue): \(message)")
    }
}

extension MeshResources {
    /// What a reader needs to reach the page, through filters.
    /// - Parameter rateLimits: What its requests are counted under.
    init(pageAt address: EndpointAddress, through filters: [HTTPFilter], rateLimits: [RouteRateLimit] = []) {
        let name = MeshedReader.page
        var forward = RouteAction.Forward(clusters: WeightedClusters(single: name))
        forward.rateLimits = rateLimits
        let route = Route(name: "page", action: .forward(forward))
        let host = VirtualHost(name: name, domains: [.exact(name)], routes: [route])
        self.init(
            listeners: [Listener(name: name, filters: filters, routes: .named(name))],
            routeConfigurations: [RouteConfiguration(name: name, virtualHosts: [host])],
            clusters: [MeshConfig.Cluster(name: name)],
            endpointAssignments: [EndpointAssignment(name: name, addresses: [address])]
        )
    }
}
