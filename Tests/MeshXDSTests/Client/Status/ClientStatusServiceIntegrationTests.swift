// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("The client status discovery service over loopback", .timeLimit(.minutes(5)))
struct ClientStatusServiceIntegrationTests {
    private typealias Service = Envoy_Service_Status_V3_ClientStatusDiscoveryService

    private static func withService(
        _ body: @Sendable (Service.Client<HTTP2ClientTransport.Posix>) async throws -> Void
    ) async throws {
        let address = EndpointAddress(host: "127.0.0.1", port: 1)
        let source = XDSConfigSource(bootstrap: Bootstrap(server: address, node: .init(id: "csds")))
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [ClientStatusService(sources: [source])]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try #require(try await server.listeningAddress?.ipv4?.port)
            try await withGRPCClient(
                transport: .http2NIOPosix(
                    target: .ipv4(address: "127.0.0.1", port: port),
                    transportSecurity: .plaintext
                )
            ) { client in
                try await body(Service.Client(wrapping: client))
            }
            server.beginGracefulShutdown()
            while let result = await group.nextResult() { _ = result }
        }
    }

    @Test("a question has one answer, a stream of them one each")
    func answers() async throws {
        try await Self.withService { client in
            let response = try await client.fetchClientStatus(.init())
            #expect(response.config.map(\.node.id) == ["csds"])
            let count = try await client.streamClientStatus(
                request: StreamingClientRequest { writer in
                    for _ in 0..<3 { try await writer.write(.init()) }
                }
            ) { response in
                var count = 0
                for try await message in response.messages { count += message.config.count }
                return count
            }
            #expect(count == 3)
        }
    }

    @Test("conditions on nodes are refused: a client knows only itself")
    func nodeMatchers() async throws {
        try await Self.withService { client in
            var request = Envoy_Service_Status_V3_ClientStatusRequest()
            request.nodeMatchers = [.init()]
            let asked = request
            let error = await #expect(throws: RPCError.self) { try await client.fetchClientStatus(asked) }
            #expect(error?.code == .invalidArgument)
        }
    }
}
