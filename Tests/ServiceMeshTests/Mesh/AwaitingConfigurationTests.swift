// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshTesting
import ServiceMesh
import Testing

@Suite struct AwaitingConfigurationTests {
    private let network = InMemoryTransport(clock: ManualClock()) { _, _ in .status(200) }

    private func mesh(sources: [any ConfigSource]) throws -> Mesh {
        try Mesh(MeshConfiguration(isDisabled: false), sources: sources, clock: ManualClock())
    }

    private func send(to authority: String, through mesh: Mesh) async -> Result<Int, any Error> {
        let stack = OutboundStack(mesh: mesh, leaf: network)
        var context = mesh.makeContext()
        do {
            let request = InMemoryRequest(authority: authority)
            return .success(try await stack.withResponse(to: request, context: &context) { $0.statusCode })
        } catch {
            return .failure(error)
        }
    }

    @Test func `no request goes past a mesh whose sources have brought no configuration yet`() async throws {
        let mesh = try mesh(sources: [FixedConfigSource(Given.simple())])
        for authority in ["reviews:9080", "elsewhere:80"] {
            let error = await send(to: authority, through: mesh).meshError
            #expect(error?.code == .notReady && error?.localReply?.status == 503)
            let explanation = mesh.explain(InMemoryRequest(authority: authority)).description
            #expect(explanation.contains("none yet") && !explanation.contains("allowAny"))
        }
        #expect(network.sent.isEmpty)
        // From then on it is known which hosts are the mesh's.
        try mesh.apply(Given.simple())
        for authority in ["reviews:9080", "elsewhere:80"] {
            #expect(await send(to: authority, through: mesh).value == 200)
        }
        #expect(network.sent.last?.endpoint == EndpointAddress(host: "elsewhere", port: 80))
    }

    @Test func `a mesh without sources lets through what it does not know`() async throws {
        #expect(await send(to: "elsewhere:80", through: try mesh(sources: [])).value == 200)
    }
}
