// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshHTTP
import MeshResilience
import MeshRouting
import NIOPosix
import ServiceMesh

/// A client of the mesh and the configuration that names its servers: one service for each version of HTTP.
struct Fleet: Sendable {
    /// The services' names.
    enum Service: String, CaseIterable, Sendable {
        case http1 = "fleet-1"
        case http2 = "fleet-2"

        var version: ConnectionOptions.HTTPVersion { self == .http1 ? .http1 : .http2 }
    }

    let mesh: Mesh
    let transport: HTTPTransport
    let client: MeshHTTPClient
    let counter = ConnectionCounter()

    init(retry: RetryPolicy? = nil, connection: ConnectionOptions = ConnectionOptions()) throws {
        let resources = FleetResources(retry: retry, connection: connection)
        self.resources = resources
        self.mesh = try Mesh(
            MeshConfiguration(outboundTrafficPolicy: .registryOnly, retryBudget: nil, observers: [counter])
        )
        var configuration = HTTPTransport.Configuration(eventLoopGroup: .singleton)
        configuration.observers = mesh.observers
        self.transport = HTTPTransport(configuration)
        self.client = MeshHTTPClient(mesh: mesh, transport: transport)
    }

    private let resources: FleetResources

    /// Puts these servers in force, for both services.
    func use(_ addresses: [EndpointAddress]) throws {
        try mesh.apply(resources.naming(addresses))
    }
}

/// The mesh's configuration for a fleet.
struct FleetResources: Sendable {
    var retry: RetryPolicy?
    var connection: ConnectionOptions

    func naming(_ addresses: [EndpointAddress]) -> MeshResources {
        var resources = MeshResources()
        for service in Fleet.Service.allCases {
            var connection = connection
            connection.httpVersion = service.version
            resources.clusters[service.rawValue] = Cluster(
                name: service.rawValue,
                discovery: .fixed(EndpointAssignment(name: service.rawValue, addresses: addresses)),
                connection: connection
            )
            let forward = RouteAction.Forward(clusters: WeightedClusters(single: service.rawValue), retry: retry)
            let host = VirtualHost(
                name: service.rawValue,
                domains: [.exact(service.rawValue)],
                routes: [Route(action: .forward(forward))]
            )
            resources.listeners[service.rawValue] = Listener(
                name: service.rawValue,
                routes: .inline(RouteConfiguration(name: service.rawValue, virtualHosts: [host]))
            )
        }
        return resources
    }
}
