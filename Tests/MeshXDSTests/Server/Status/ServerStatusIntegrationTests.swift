// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("The status of a server's clients over loopback", .timeLimit(.minutes(5)))
struct ServerStatusIntegrationTests {
    private typealias Service = Envoy_Service_Status_V3_ClientStatusDiscoveryService
    private typealias Question = Envoy_Service_Status_V3_ClientStatusRequest

    private static func withServer(
        _ cache: SnapshotCache,
        status: ClientInventory?,
        access: ClientStatusAccess = .sameMachine,
        _ body: @Sendable (EndpointAddress, Service.Client<HTTP2ClientTransport.Posix>) async throws -> Void
    ) async throws {
        let server = XDSServer(
            address: EndpointAddress(host: "127.0.0.1", port: 0),
            provider: cache,
            status: status,
            statusAccess: access
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let address = try await server.listeningAddress
            try await withGRPCClient(
                transport: .http2NIOPosix(
                    target: .ipv4(address: address.host, port: Int(address.port ?? 0)),
                    transportSecurity: .plaintext
                )
            ) { client in
                try await body(address, Service.Client(wrapping: client))
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    @Test("a client that follows the server is told of, with all that it has taken")
    func clients() async throws {
        let cache = SnapshotCache { _ in "g" }
        let version = try cache.publish(Fixtures.mesh, to: "g")
        let recorder = RecordingSink()
        try await Self.withServer(cache, status: cache.inventory) { address, service in
            #expect(try await service.fetchClientStatus(Question()).config.isEmpty)
            let source = XDSConfigSource(bootstrap: Bootstrap(server: address, node: .init(id: "x")))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await source.run(delivering: recorder.sink) }
                #expect(await recorder.configuration() == Fixtures.mesh)
                let report = try await cache.awaitApplied(version, in: "g", timeout: .seconds(60))
                #expect(report.isApplied)
                let config = try #require(try await service.fetchClientStatus(Question()).config.first)
                #expect(config.node.id == "x" && config.node.userAgentName == Dialect.ownUserAgentName)
                #expect(config.genericXdsConfigs.map(\.configStatus) == [.synced, .synced, .synced, .synced])
                #expect(config.genericXdsConfigs.allSatisfy { $0.hasXdsConfig && !$0.versionInfo.isEmpty })
                let count = try await service.streamClientStatus(
                    request: StreamingClientRequest { writer in
                        for _ in 0..<3 { try await writer.write(Question()) }
                    }
                ) { response in
                    var count = 0
                    for try await message in response.messages { count += message.config.count }
                    return count
                }
                #expect(count == 3)
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
            }
        }
    }

    @Test("without an inventory the service is not there; without its token nobody is told anything")
    func refusals() async throws {
        let cache = SnapshotCache { _ in "g" }
        try await Self.withServer(cache, status: nil) { _, service in
            let error = await #expect(throws: RPCError.self) { try await service.fetchClientStatus(Question()) }
            #expect(error?.code == .unimplemented)
        }
        let access = ClientStatusAccess.bearer { $0 == "secret" }
        try await Self.withServer(cache, status: cache.inventory, access: access) { _, service in
            let error = await #expect(throws: RPCError.self) { try await service.fetchClientStatus(Question()) }
            #expect(error?.code == .unauthenticated)
            let metadata: Metadata = ["authorization": "Bearer secret"]
            let answer = try await service.fetchClientStatus(Question(), metadata: metadata)
            #expect(answer.config.isEmpty)
        }
    }
}
