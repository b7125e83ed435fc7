// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshTesting
import ServiceMesh
import Testing

@testable import MeshXDS

/// A mesh in a process that istiod takes for a sidecar: it gets listeners by port, and clusters for directions, ports and
/// subsets, and its requests go where a proxy would send them.
@Suite("A sidecar's configuration in a mesh", .timeLimit(.minutes(2)))
struct SidecarIntegrationTests {
    private static let reviews = "reviews.default.svc.cluster.local:9080"

    /// Runs `body` with a mesh that has the configuration.
    private func running(
        _ variant: XDSVariant,
        _ body: (Mesh, OutboundStack<InMemoryTransport>, InMemoryTransport, IstiodStandIn) async throws -> Void
    ) async throws {
        let istiod = IstiodStandIn(world: try SidecarConfiguration.world())
        try await istiod.serving { address in
            let node = Bootstrap.Node(
                id: "sidecar~10.0.0.7~productpage.default~default.svc.cluster.local",
                metadata: ["NAMESPACE": "default"]
            )
            let source = XDSConfigSource(bootstrap: Bootstrap(server: address, node: node), protocol: variant)
            let mesh = try Mesh(sources: [source])
            let network = InMemoryTransport(clock: SystemClock()) { _, _ in .status(200) }
            let stack = OutboundStack(mesh: mesh, leaf: network)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await mesh.run() }
                try await mesh.ready(timeout: .seconds(60))
                try await body(mesh, stack, network, istiod)
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
            }
        }
    }

    @Test(arguments: XDSVariant.allCases)
    func `requests go where a proxy would send them`(variant: XDSVariant) async throws {
        try await running(variant) { mesh, stack, network, istiod in
            let user: [(name: HeaderName, value: String)] = [("end-user", "jason")]
            let cases: [(authority: String, headers: [(name: HeaderName, value: String)], endpoint: String)] = [
                (Self.reviews, [], "10.0.1.1:9080"), (Self.reviews, user, "10.0.1.2:9080"),
                ("reviews:9080", [], "10.0.1.1:9080"), ("reviews.default:9080", user, "10.0.1.2:9080"),
                ("ratings:9080", [], "10.0.2.1:9080"),
                // By its full name, and by its address.
                ("cache.default.svc.cluster.local:8080", [], "10.0.3.1:9080"), ("10.96.0.3:8080", [], "10.0.3.1:9080"),
                // Nobody has the port, the host, or both.
                ("reviews:9081", [], "reviews:9081"), ("api.example:9080", [], "api.example:9080"),
                ("api.example", [], "api.example:80"),
            ]
            for (authority, headers, endpoint) in cases {
                var context = mesh.makeContext()
                let request = InMemoryRequest(authority: authority, headers: headers)
                let status = try await stack.withResponse(to: request, context: &context) { $0.statusCode }
                #expect(status == 200)
                #expect("\(try #require(network.sent.last?.endpoint))" == endpoint, "\(authority) \(headers)")
            }
            #expect(istiod.record.nodes.first == "sidecar~10.0.0.7~productpage.default~default.svc.cluster.local")
            #expect(istiod.record.refusals == [])
        }
    }

    @Test func `explanations and reports tell what became of it`() async throws {
        try await running(.stateOfTheWorld) { mesh, _, _, _ in
            let routed = mesh.explain(InMemoryRequest(authority: Self.reviews)).description
            for part in ["0.0.0.0_9080", "outbound|9080|v1|reviews.default.svc.cluster.local", "10.0.1.1:9080"] {
                #expect(routed.contains(part), "\(routed)")
            }
            let passed = mesh.explain(InMemoryRequest(authority: "api.example:9080")).description
            #expect(passed.contains("PassthroughCluster"), "\(passed)")
            let ignored = (mesh.snapshot?.resources.ignored ?? []).map { "\($0)" }
            for part in [
                "listener virtualInbound: use_original_dst", "listener virtualOutbound: use_original_dst",
                "listener 10.96.0.9_5432: filter_chains[0]", "http_filters[0]", "http_filters[1]", "http_filters[2]",
                "http_filters[5]", "listener_filters[0]",
            ] {
                #expect(ignored.contains { $0.contains(part) }, "\(part) in \(ignored)")
            }
        }
    }
}
