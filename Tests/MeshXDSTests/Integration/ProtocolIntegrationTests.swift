// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("The client's protocols over loopback", .timeLimit(.minutes(5)))
struct ProtocolIntegrationTests {
    private static func following(
        _ source: XDSConfigSource,
        _ recorder: RecordingSink,
        _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await source.run(delivering: recorder.sink) }
            try await body()
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    private static let backoff = ReconnectBackoff(base: .milliseconds(5), maximum: .milliseconds(50))

    @Test("the incremental form: chosen by the server's features, a change brings what changed")
    func delta() async throws {
        let server = ScriptedDeltaServer(Fixtures.mesh)
        let recorder = RecordingSink()
        try await server.serving { address in
            let features = ["xds_v3", Bootstrap.Server.Feature.delta]
            let bootstrap = Bootstrap(
                servers: [.init(uri: "\(address)", features: features)],
                node: .init(id: "delta")
            )
            let source = XDSConfigSource(bootstrap: bootstrap, backoff: Self.backoff)
            try await Self.following(source, recorder) {
                #expect(await recorder.configuration() == Fixtures.mesh)
                var changed = Fixtures.mesh
                changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
                server.set(changed)
                #expect(await recorder.configuration() == changed)
                #expect(source.status.allSatisfy { $0.state == .acknowledged })
                #expect(source.status.map(\.version).sorted() == ["1", "1", "1", "2"])
                #expect(source.origin == .controlPlane)
                server.set(MeshResources())
                #expect(await recorder.configuration() == MeshResources())
            }
        }
        var first: Envoy_Service_Discovery_V3_DeltaDiscoveryRequest?
        for await request in server.requests {
            first = request
            break
        }
        #expect(first?.node.id == "delta" && first?.typeURL == ResourceKind.listener.typeURL)
    }

    @Test("a server that speaks the other form only is reported, with its reason")
    func wrongForm() async throws {
        let server = ScriptedDeltaServer(Fixtures.mesh)
        try await server.serving { address in
            let recorder = RecordingSink()
            let source = XDSConfigSource(
                bootstrap: Bootstrap(server: address, node: .init(id: "n")),
                backoff: Self.backoff
            )
            try await Self.following(source, recorder) {
                while let event = await recorder.event(), event != "lost" {}
                #expect(source.origin == .nowhere)
            }
        }
    }

    @Test("a second control plane serves while the first cannot be reached, and the first takes over")
    func fallback() async throws {
        var changed = Fixtures.mesh
        changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.2")
        let recorder = RecordingSink()
        // Its port is free as long as nobody asks the system for one, which is short.
        let primary = XDSServer(
            address: EndpointAddress(host: "127.0.0.1", port: 0),
            provider: ScriptedProvider(Fixtures.mesh)
        )
        let free = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await primary.run() }
            let address = try await primary.listeningAddress
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
            return address
        }
        let secondary = ScriptedDeltaServer(Fixtures.mesh)
        try await secondary.serving { address in
            let bootstrap = Bootstrap(
                servers: [
                    .init(uri: "\(free)"),
                    .init(uri: "\(address)", features: [Bootstrap.Server.Feature.delta]),
                ],
                node: .init(id: "n")
            )
            let source = XDSConfigSource(bootstrap: bootstrap, backoff: Self.backoff)
            try await Self.following(source, recorder) {
                #expect(await recorder.configuration() == Fixtures.mesh)
                let returned = XDSServer(address: free, provider: ScriptedProvider(changed, version: "p"))
                await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await returned.run() }
                    #expect(await recorder.configuration() == changed)
                    #expect(source.status.allSatisfy { $0.version == "p" })
                    group.cancelAll()
                    while let result = await group.nextResult() { _ = result }
                }
            }
        }
    }
}
