// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

/// Policies of a listener: one set for all of its routes that have none of their own.
@Suite struct ListenerPolicyTests {
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private let observer = RecordingObserver()
    private let one = TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 1))

    private func inbound(_ policies: TrafficPolicies, _ hosts: [VirtualHost]) throws -> Mesh {
        let mesh = try Mesh(MeshConfiguration(observers: [observer]), clock: ManualClock(), random: MeshRandom(seed: 1))
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: [.policies(policies)],
            routes: .inline(RouteConfiguration(name: "inbound", virtualHosts: hosts))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        return mesh
    }

    private func admit(_ stack: InboundStack, _ path: String) async -> (context: CallContext, refusal: MeshError?) {
        let request = InMemoryRequest(path: path)
        var context = stack.begin(request)
        do {
            try await stack.admit(request, peerIdentity: nil, context: &context)
            return (context, nil)
        } catch {
            return (context, error as? MeshError)
        }
    }

    @Test func `an inbound listener's bulkhead bounds all of its routes together, but for those with one of their own`()
        async throws
    {
        func route(_ path: String, _ policies: TrafficPolicies = .none) -> Route {
            Route(
                name: path,
                match: RouteMatch(path: PathMatcher(.exact(path))),
                action: .nonForwarding,
                policies: policies
            )
        }
        let own = TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 2))
        let host = VirtualHost(name: "all", domains: [.any], routes: [route("/a"), route("/b"), route("/c", own)])
        let mesh = try inbound(one, [host])
        let stack = InboundStack(mesh: mesh, address: address)
        let first = await admit(stack, "/a")
        #expect(first.refusal == nil)
        let second = await admit(stack, "/b")
        #expect(second.refusal?.code == .overflow)
        #expect(observer.decisions == [PolicyDecision(.bulkhead, name: "inbound", .refused, because: .limit)])
        #expect(await admit(stack, "/c").refusal == nil)
        stack.end(first.context, status: 200, peerIdentity: nil, error: nil)
        #expect(await admit(stack, "/b").refusal == nil)
        #expect(
            mesh.describe(inbound: InMemoryRequest(path: "/a"), at: address).description
                .contains("maximumConcurrent 1 (listener inbound)")
        )
        #expect(
            mesh.describe(inbound: InMemoryRequest(path: "/c"), at: address).description
                .contains("maximumConcurrent 2 (route /c)")
        )
    }

    @Test func `an inbound listener without routes has its policies, and says which of them do nothing there`()
        async throws
    {
        var policies = one
        policies.hedging = HedgingConfiguration()
        policies.expiredRequests = ExpiredRequestConfiguration()
        let mesh = try inbound(policies, [])
        let stack = InboundStack(mesh: mesh, address: address)
        #expect(await admit(stack, "/").refusal == nil)
        #expect(await admit(stack, "/").refusal?.code == .overflow)
        let described = mesh.describe(inbound: InMemoryRequest(), at: address)
        #expect(described.policies.map(\.slot) == [.bulkhead, .attemptTimeout])
        let told = mesh.explain(inbound: InMemoryRequest(), at: address).facts.filter { $0.name == "policy" }
        #expect(told.last?.value == "hedge: about calls to others, does nothing here")
    }

    @Test func `an outbound listener's memory is one for its routes`() async throws {
        let cache = TrafficPolicies(responseCache: ResponseCacheConfiguration(timeToLive: .seconds(60)))
        let resources = Given.reviews(
            [
                Route(
                    name: "x",
                    match: RouteMatch(headers: [HeaderMatcher("x-a", .present(true))]),
                    action: Given.forward(to: "v1")
                ),
                Route(name: "default", action: Given.forward(to: "v1")),
            ],
            [Given.cluster("v1", ports: [1])],
            filters: [.policies(cache)]
        )
        let fixture = try MeshFixture(resources, replay: .init(bytes: { _ in 1 }) { response, _ in response })
        await fixture.send()
        await fixture.send(InMemoryRequest(headers: [("x-a", "b")]))
        #expect(fixture.network.sent.count == 1 && fixture.isAtRest)
        #expect(
            fixture.observer.decisions == [PolicyDecision(.cache, name: "reviews:9080", .served, because: .duplicate)]
        )
        #expect(
            fixture.mesh.describe(InMemoryRequest()).first?.stack.description
                .contains("timeToLive 60.0 seconds (listener reviews:9080)") == true
        )
    }

    @Test func `a listener's own broken bounds are refused, and a retry budget, which belongs to a cluster`() {
        let broken = TrafficPolicies(
            bulkhead: BulkheadConfiguration(maximumConcurrent: 0),
            retryBudget: .tokens(RetryBudgetConfiguration())
        )
        let error = #expect(throws: ConfigurationError.self) { try inbound(broken, []) }
        #expect(
            error?.problems.map(\.path) == [
                "listeners[inbound].filters[0].bulkhead.maximumConcurrent", "listeners[inbound].filters[0].retryBudget",
            ]
        )
    }
}
