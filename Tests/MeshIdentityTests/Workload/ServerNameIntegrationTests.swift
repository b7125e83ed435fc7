// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshConfig
import MeshCore
import MeshHTTP
import MeshIdentity
import MeshRouting
import NIOCore
import NIOSSL
import ServiceMesh
import Synchronization
import Testing

/// The server name indication from the configuration to a server that sees it.
@Suite(.timeLimit(.minutes(5))) struct ServerNameIntegrationTests {
    private static let server = "spiffe://cluster.local/ns/default/sa/reviews"

    private final class Names: Sendable {
        private let names = Mutex<[String?]>([])

        var all: [String?] { names.withLock { $0 } }

        func append(_ name: String?) { names.withLock { $0.append(name) } }
    }

    @Test(arguments: [ConnectionOptions.HTTPVersion.http1, .http2])
    func `a cluster's server name is sent wherever its endpoints are, and parts connections`(
        version: ConnectionOptions.HTTPVersion
    ) async throws {
        let authority = try TestAuthority()
        let server = try await authority.identity(Self.server)
        let client = try await authority.identity("spiffe://cluster.local/ns/default/sa/productpage")
        let names = Names()
        let tls = server.makeServerTLSConfiguration(applicationProtocols: ["h2", "http/1.1"])
        var offered = tls.configuration
        offered.sslContextCallback = { hello, promise in
            names.append(hello.serverHostname)
            if let next = tls.configuration.sslContextCallback {
                next(hello, promise)
            } else {
                promise.succeed(.noChanges)
            }
        }
        var configuration = MeshHTTPServer.Configuration()
        configuration.security = ServerTransportSecurity(
            context: try NIOSSLContext(configuration: offered),
            verify: tls.verify
        )
        let running = MeshHTTPServer(configuration) { _ in InboundResponse(body: .text("served")) }
        var options = HTTPTransport.Configuration()
        options.mutualTLS = ClientTLS { try client.makeClientHandler(to: $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (listening, sink) = AsyncStream.makeStream(of: EndpointAddress.self)
            group.addTask { try await running.run { sink.yield($0) } }
            for await address in listening.prefix(1) {
                try await withHTTPTransport(options) { transport in
                    let mesh = try Mesh(MeshConfiguration(isDisabled: false))
                    let client = MeshHTTPClient(mesh: mesh, transport: transport)
                    // Another name in the same place: connections of one must not serve the other.
                    for name in ["a.example", "b.example", nil] {
                        try mesh.apply(Self.resources(address, serverName: name, version))
                        for _ in 0..<2 {
                            let answer = try await client.get("http://reviews/")
                            #expect(answer.response.status == .ok && String(buffer: answer.body) == "served")
                        }
                    }
                }
            }
            running.drain.beginStopping()
            try await group.waitForAll()
        }
        #expect(names.all == ["a.example", "b.example", nil])
    }

    private static func resources(
        _ address: EndpointAddress,
        serverName: String?,
        _ version: ConnectionOptions.HTTPVersion
    ) -> MeshResources {
        let route = Route(action: .forward(RouteAction.Forward(clusters: WeightedClusters(single: "reviews"))))
        let host = VirtualHost(name: "reviews", domains: [.exact("reviews")], routes: [route])
        return MeshResources(
            listeners: [
                Listener(
                    name: "reviews",
                    routes: .inline(RouteConfiguration(name: "reviews", virtualHosts: [host]))
                )
            ],
            clusters: [
                Cluster(
                    name: "reviews",
                    discovery: .fixed(EndpointAssignment(name: "reviews", addresses: [address])),
                    upstreamSecurity: .mutualTLS(acceptedIdentities: [server]),
                    serverName: serverName,
                    connection: ConnectionOptions(httpVersion: version)
                )
            ]
        )
    }
}
