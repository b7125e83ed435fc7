// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

@Suite struct InboundPolicyTests {
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private let observer = RecordingObserver()

    private func stack(_ policies: TrafficPolicies, rateLimit: RateLimitConfiguration? = nil) throws -> InboundStack {
        let mesh = try Mesh(MeshConfiguration(observers: [observer]), clock: ManualClock(), random: MeshRandom(seed: 1))
        let route = Route(name: "all", action: .nonForwarding, rateLimit: rateLimit, policies: policies)
        let host = VirtualHost(name: "all", domains: [.any], routes: [route])
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            routes: .inline(RouteConfiguration(name: "inbound", virtualHosts: [host]))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        return InboundStack(mesh: mesh, address: address)
    }

    /// Admits a request.
    /// - Returns: Its context, and why it was refused.
    private func admit(
        _ stack: InboundStack,
        criticality: String = "critical"
    ) async -> (context: CallContext, refusal: MeshError?) {
        let request = InMemoryRequest(headers: [("x-criticality", criticality)])
        var context = stack.begin(request)
        do {
            try await stack.admit(request, peerIdentity: nil, context: &context)
            return (context, nil)
        } catch {
            return (context, error as? MeshError)
        }
    }

    private func end(_ stack: InboundStack, _ admitted: (context: CallContext, refusal: MeshError?)) {
        stack.end(
            admitted.context,
            status: admitted.refusal == nil ? 200 : 503,
            peerIdentity: nil,
            error: admitted.refusal
        )
    }

    @Test func `a bulkhead bounds the requests under way on a route`() async throws {
        let stack = try stack(TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 2)))
        let first = await admit(stack)
        let second = await admit(stack)
        let third = await admit(stack)
        #expect(first.refusal == nil && second.refusal == nil && third.refusal?.code == .overflow)
        // A refusal holds nothing, so that its end gives nothing back.
        end(stack, third)
        #expect(await admit(stack).refusal?.code == .overflow)
        end(stack, first)
        #expect(await admit(stack).refusal == nil)
        #expect(observer.decisions.allSatisfy { $0.policy == .bulkhead && $0.name == "all" })
    }

    @Test func `load shedding refuses the least important requests and counts those under way`() async throws {
        let stack = try stack(
            TrafficPolicies(loadShedding: LoadShedderConfiguration(capacity: 2, queueFrom: 1, queueTo: 2))
        )
        // What is least important follows from what has come lately.
        for _ in 0..<50 { end(stack, await admit(stack, criticality: "sheddable")) }
        var admitted: [(context: CallContext, refusal: MeshError?)] = []
        // The queue is one and a half times as long as what is served at once, so that half is refused.
        for _ in 0..<5 { admitted.append(await admit(stack, criticality: "criticalPlus")) }
        #expect(admitted.allSatisfy { $0.refusal == nil })
        var refused = 0
        for _ in 0..<40 {
            let lesser = await admit(stack, criticality: "sheddable")
            if lesser.refusal?.code == .shed { refused += 1 }
            end(stack, lesser)
            let greater = await admit(stack, criticality: "criticalPlus")
            #expect(greater.refusal == nil)
            end(stack, greater)
        }
        #expect(refused > 20)
        for each in admitted { end(stack, each) }
        #expect(await admit(stack, criticality: "sheddable").refusal == nil)
    }

    @Test func `an adaptive limit bounds the requests under way`() async throws {
        let limit = AdaptiveLimitConfiguration(algorithm: .aimd(.init(initial: 1, minimum: 1, maximum: 1)))
        let stack = try stack(TrafficPolicies(adaptiveLimit: limit))
        let first = await admit(stack)
        let second = await admit(stack)
        #expect(first.refusal == nil && second.refusal?.code == .shed)
        end(stack, second)
        end(stack, first)
        #expect(await admit(stack).refusal == nil)
    }

    @Test func `what was taken before a refusal further in is given back`() async throws {
        let stack = try stack(
            TrafficPolicies(
                loadShedding: LoadShedderConfiguration(capacity: 1, queueFrom: 1, queueTo: 2),
                bulkhead: BulkheadConfiguration(maximumConcurrent: 1)
            ),
            rateLimit: RateLimitConfiguration(rate: 1, per: .seconds(60))
        )
        end(stack, await admit(stack))
        for _ in 0..<10 {
            let refused = await admit(stack)
            #expect(refused.refusal?.code == .rateLimited)
            end(stack, refused)
        }
    }
}
