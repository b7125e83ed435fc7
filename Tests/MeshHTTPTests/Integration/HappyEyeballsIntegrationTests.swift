// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import NIOCore
import ServiceMesh
import Testing

@testable import MeshHTTP

@Suite("Endpoints with several addresses", .timeLimit(.minutes(5)))
struct HappyEyeballsIntegrationTests {
    private static let serve: @Sendable (LoopbackServer.Connection, Int) async throws -> Void = { connection, _ in
        while try await connection.readHead() != nil { try await connection.write("here".asResponse) }
    }

    /// The addresses that connections were made to.
    private func winners(_ recorder: RecordingObserver) -> [EndpointAddress] {
        recorder.connections.compactMap { if case .connected(let address) = $0.event { address } else { nil } }
    }

    /// Whether a request finds the server behind a first address that leads nowhere.
    private func finds(behind first: [EndpointAddress]) async throws {
        try await LoopbackServer.serving(Self.serve) { server in
            let recorder = RecordingObserver()
            try await withTransport {
                $0.observers = ObserverSet([recorder])
            } _: { transport in
                var endpoint = server
                endpoint.address = try #require(first.first)
                endpoint.additionalAddresses = first.dropFirst() + [server.address]
                endpoint.connectTimeout = .seconds(60)
                let answer = try await transport.exchange(with: endpoint)
                #expect(answer.body == "here")
                #expect(winners(recorder) == [server.address])
                // A connection that is kept needs no address.
                _ = try await transport.exchange(with: endpoint)
                #expect(winners(recorder).count == 1)
            }
        }
    }

    @Test("are reached by the next address when one refuses")
    func refused() async throws {
        let port = try await LoopbackServer.closedPort()
        try await finds(behind: [EndpointAddress(host: "127.0.0.1", port: port)])
        try await finds(behind: [EndpointAddress(host: "127.0.0.2", port: port), .init(host: "127.0.0.3", port: port)])
    }

    @Test("are reached by the other family when one has nobody, or is not there")
    func families() async throws {
        let port = try await LoopbackServer.closedPort()
        try await finds(behind: [EndpointAddress(host: "::1", port: port)])
        try await finds(behind: [EndpointAddress(host: "127.0.0.1", port: port), .init(host: "::1", port: port)])
    }

    @Test("are reached by the next address when one says nothing")
    func silent() async throws {
        // RFC 5737's and RFC 3849's addresses are for documentation: nobody answers there, or nobody knows the way.
        try await finds(behind: [EndpointAddress(host: "192.0.2.1", port: 80)])
        try await finds(behind: [EndpointAddress(host: "2001:db8::1", port: 80), .init(host: "192.0.2.1", port: 80)])
    }

    @Test("fail when all of their addresses do, and within one time for all")
    func failed() async throws {
        let port = try await LoopbackServer.closedPort()
        try await withTransport { transport in
            var endpoint = Endpoint(address: EndpointAddress(host: "127.0.0.1", port: port))
            endpoint.additionalAddresses = [EndpointAddress(host: "127.0.0.2", port: port)]
            let refused = await meshError { _ = try await transport.exchange(with: endpoint) }
            #expect(refused?.code == .connectionFailed)
            endpoint.address = EndpointAddress(host: "192.0.2.1", port: 80)
            endpoint.additionalAddresses = [EndpointAddress(host: "192.0.2.2", port: 80)]
            endpoint.connectTimeout = .milliseconds(300)
            let silent = await meshError { _ = try await transport.exchange(with: endpoint) }
            #expect(silent?.code == .connectionFailed)
        }
    }

    @Test("of a mesh are tried by its requests, and explained")
    func mesh() async throws {
        let port = try await LoopbackServer.closedPort()
        try await LoopbackServer.serving(Self.serve) { server in
            try await withTransport { transport in
                let mesh = try Mesh()
                let client = MeshHTTPClient(mesh: mesh, transport: transport)
                var resources = MeshResources.service(on: [])
                let endpoint = ClusterEndpoint(
                    EndpointAddress(host: "::1", port: port),
                    additionalAddresses: [server.address]
                )
                resources.clusters["reviews"]?.discovery = .fixed(
                    EndpointAssignment(name: "reviews", localities: [LocalityEndpoints(endpoints: [endpoint])])
                )
                try mesh.apply(resources)
                let (_, body) = try await client.get("http://reviews/")
                #expect(String(buffer: body) == "here")
                let explanation = "\(mesh.explain(OutboundRequest.get("/")))"
                #expect(explanation.contains("[::1]:\(port) (or \(server.address)) healthy"))
            }
        }
    }
}
