// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Requests that come in, and the values of the runtime.
@Suite struct InboundRuntimeTests {
    private static let address = EndpointAddress(host: "0.0.0.0", port: 9080)

    /// A share of requests is answered with 418, all others are the handler's.
    private static func resources(
        _ percent: UInt32,
        _ values: [String: RuntimeValue],
        filters: [HTTPFilter] = []
    ) -> MeshResources {
        let fraction = RuntimeFraction(FractionalPercent(numerator: percent), key: "inbound.share")
        let teapot = Route(match: RouteMatch(fraction: fraction), action: .directResponse(LocalReply(status: 418)))
        let routes = [teapot, Route(action: .nonForwarding)]
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: filters,
            routes: .inline(
                RouteConfiguration(
                    name: "r",
                    virtualHosts: [VirtualHost(name: "own", domains: [.any], routes: routes)]
                )
            )
        )
        let layers = values.isEmpty ? [] : [RuntimeLayer(name: "rtds", values: values)]
        return MeshResources(listeners: [listener], runtimeLayers: layers)
    }

    private func teapots(_ stack: InboundStack, _ requests: Int = 1000) async -> Int {
        var count = 0
        for _ in 0..<requests {
            let request = InMemoryRequest()
            var context = stack.begin(request)
            do {
                try await stack.admit(request, peerIdentity: nil, context: &context)
                stack.end(context, status: 200, peerIdentity: nil, error: nil)
            } catch {
                if (error as? MeshError)?.localReply?.status == 418 { count += 1 }
                stack.end(context, status: 418, peerIdentity: nil, error: error)
            }
        }
        return count
    }

    @Test func `a share is a share of requests, and the layer's if it has one`() async throws {
        let fixture = try MeshFixture(Self.resources(25, [:]))
        let stack = InboundStack(mesh: fixture.mesh, address: Self.address)
        #expect((200...300).contains(await teapots(stack)))
        try fixture.mesh.apply(Self.resources(25, ["inbound.share": .integer(100)]))
        #expect(await teapots(stack) == 1000)
        try fixture.mesh.apply(Self.resources(25, ["inbound.share": .integer(0)]))
        #expect(await teapots(stack) == 0)
        let explanation = fixture.mesh.explain(inbound: InMemoryRequest(), at: Self.address)
        #expect(explanation["runtime"] == "inbound.share = 0, layer rtds")
    }

    @Test func `faults of the listener are the layer's`() async throws {
        let fault = FaultConfiguration(abort: .init(status: 418, percentage: .none))
        let fixture = try MeshFixture(Self.resources(0, [:], filters: [.fault(fault)]))
        let stack = InboundStack(mesh: fixture.mesh, address: Self.address)
        #expect(await teapots(stack, 10) == 0)
        let values: [String: RuntimeValue] = ["fault.http.abort.abort_percent": .integer(100)]
        try fixture.mesh.apply(Self.resources(0, values, filters: [.fault(fault)]))
        #expect(await teapots(stack, 10) == 10)
    }
}
