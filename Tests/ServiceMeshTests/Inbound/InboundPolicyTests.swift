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
    private let clock = ManualClock()

    private func stack(_ policies: TrafficPolicies, rateLimit: RateLimitConfiguration? = nil) throws -> InboundStack {
        InboundStack(mesh: try mesh(policies, rateLimit: rateLimit), address: address)
    }

    private func mesh(_ policies: TrafficPolicies, rateLimit: RateLimitConfiguration? = nil) throws -> Mesh {
        let mesh = try Mesh(MeshConfiguration(observers: [observer]), clock: clock, random: MeshRandom(seed: 1))
        let route = Route(name: "all", action: .nonForwarding, rateLimit: rateLimit, policies: policies)
        let host = VirtualHost(name: "all", domains: [.any], routes: [route])
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            routes: .inline(RouteConfiguration(name: "inbound", virtualHosts: [host]))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        return mesh
    }

    /// Admits a request.
    /// - Returns: Its context, and why it was refused.
    private func admit(
        _ stack: InboundStack,
        criticality: String = "critical",
        timeout: String? = nil
    ) async -> (context: CallContext, refusal: MeshError?) {
        var request = InMemoryRequest(headers: [("x-criticality", criticality)])
        if let timeout { request.setValue(timeout, for: TimeoutHeaders.envoy) }
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

    @Test(arguments: [PolicyMode.enforce, .observe, .disabled])
    func `a request that nobody waits for any more when its turn comes is refused, and gives its place back`(
        mode: PolicyMode
    ) async throws {
        let stack = try stack(
            TrafficPolicies(
                expiredRequests: ExpiredRequestConfiguration(maximumShare: 1, mode: mode),
                bulkhead: BulkheadConfiguration(maximumConcurrent: 1)
            )
        )
        // The share of those that are served is what may be refused.
        end(stack, await admit(stack, timeout: "1000"))
        let request = InMemoryRequest(headers: [(TimeoutHeaders.envoy, "1000")])
        var context = stack.begin(request)
        clock.advance(by: .seconds(2))
        var refusal: MeshError?
        do {
            try await stack.admit(request, peerIdentity: nil, context: &context)
        } catch {
            refusal = error as? MeshError
        }
        #expect(refusal?.code == (mode == .enforce ? .deadlineExceeded : nil))
        #expect(refusal?.localReply?.status == (mode == .enforce ? 504 : nil))
        let told = PolicyDecision(.timeout, name: "all", .refused, because: .deadline, isEnforced: mode == .enforce)
        #expect(observer.decisions == (mode == .disabled ? [] : [told]))
        stack.end(context, status: 504, peerIdentity: nil, error: refusal)
        #expect(await admit(stack, timeout: "1000").refusal == nil)
    }

    @Test func `an inbound route's policies are described and explained, those that do nothing there, too`() throws {
        let mesh = try mesh(
            TrafficPolicies(
                loadShedding: LoadShedderConfiguration(capacity: 5),
                expiredRequests: ExpiredRequestConfiguration(maximumShare: 0.5),
                responseCache: ResponseCacheConfiguration(timeToLive: .seconds(1)),
                hedging: HedgingConfiguration(),
                bulkhead: BulkheadConfiguration(maximumConcurrent: 7, mode: .observe)
            ),
            rateLimit: RateLimitConfiguration(rate: 1, per: .seconds(60))
        )
        let stack = mesh.describe(inbound: InMemoryRequest(), at: address)
        #expect(stack.policies.map(\.slot) == [.loadShedding, .rateLimit, .bulkhead, .attemptTimeout])
        #expect(stack.problems.isEmpty)
        #expect(stack.description.contains("capacity 5 (route all)"))
        #expect(stack.description.contains("maximumShare 0.5 (route all)"))
        let policies = mesh.explain(inbound: InMemoryRequest(), at: address).facts.filter { $0.name == "policy" }
        #expect(policies.count == 5)
        #expect(policies.contains { $0.value.hasPrefix("bulkhead all [observe]") })
        #expect(policies.contains { $0.value == "cache: about calls to others, does nothing here" })
        #expect(policies.contains { $0.value == "hedge: about calls to others, does nothing here" })
        let elsewhere = EndpointAddress(host: "0.0.0.0", port: 1)
        #expect(mesh.describe(inbound: InMemoryRequest(), at: elsewhere).policies.isEmpty)
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
