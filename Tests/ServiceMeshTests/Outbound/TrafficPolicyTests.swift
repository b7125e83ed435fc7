// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Every policy of `TrafficPolicies` on a real request: configured, acting, observed, over a push.
@Suite struct TrafficPolicyTests {
    private static func resources(
        route: TrafficPolicies = .none,
        cluster: TrafficPolicies = .none,
        ports: [UInt16] = [1],
        retry: RetryPolicy? = nil
    ) -> MeshResources {
        var v1 = Given.cluster("v1", ports: ports)
        v1.policies = cluster
        return Given.reviews(
            [Route(name: "default", action: Given.forward(to: "v1", retry: retry), policies: route)],
            [v1]
        )
    }

    @Test(arguments: [true, false])
    func `a bulkhead bounds the attempts under way, on a route and on a cluster`(isOnRoute: Bool) async throws {
        let policies = TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 1))
        let fixture = try MeshFixture(
            Self.resources(route: isOnRoute ? policies : .none, cluster: isOnRoute ? .none : policies)
        ) { _, _ in .respondAfter(.seconds(1), InMemoryResponse(200)) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { #expect(await fixture.send().value == 200) }
            await fixture.clock.waitForSleepers()
            let refusal = await fixture.send().meshError
            #expect(refusal?.code == .overflow && refusal?.reason == .limit)
            // A push that leaves it alone keeps its places.
            _ = try? fixture.mesh.apply(
                Self.resources(
                    route: isOnRoute ? policies : .none,
                    cluster: isOnRoute ? .none : policies,
                    ports: [1, 2]
                )
            )
            #expect(await fixture.send().meshError?.code == .overflow)
            fixture.clock.advance(by: .seconds(1))
        }
        let name = isOnRoute ? "default" : "v1"
        #expect(
            fixture.observer.decisions.first == PolicyDecision(.bulkhead, name: name, .refused, because: .limit)
        )
        #expect(fixture.isAtRest)
    }

    @Test func `a dry run refuses nobody and says what it would have done`() async throws {
        let fixture = try MeshFixture(
            Self.resources(
                route: TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 1, mode: .observe))
            )
        ) { sent, _ in
            sent.request.path == "/slow" ? .respondAfter(.seconds(1), InMemoryResponse(200)) : .status(200)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await fixture.send(InMemoryRequest(path: "/slow")) }
            await fixture.clock.waitForSleepers()
            #expect(await fixture.send().value == 200)
            fixture.clock.advance(by: .seconds(1))
        }
        #expect(fixture.observer.decisions.map(\.isEnforced) == [false])
    }

    @Test func `a breaker over the whole cluster opens for all of its endpoints, and its route's takes precedence`()
        async throws
    {
        let breaker = CircuitBreakerConfiguration(failureRate: 0.5, minimumCalls: 4)
        let fixture = try MeshFixture(
            Self.resources(cluster: TrafficPolicies(circuitBreaker: breaker), ports: [1, 2, 3, 4])
        ) { _, _ in .status(503) }
        for _ in 0..<4 { #expect(await fixture.send().value == 503) }
        #expect(await fixture.send().meshError?.code == .circuitOpen)
        #expect(fixture.network.sent.count == 4 && fixture.isAtRest)
        var isTold = false
        for case .circuitBreakerChanged("v1", nil, "closed", "open") in fixture.observer.events { isTold = true }
        #expect(isTold)
        try fixture.mesh.apply(
            Self.resources(
                route: TrafficPolicies(circuitBreaker: CircuitBreakerConfiguration(mode: .disabled)),
                cluster: TrafficPolicies(circuitBreaker: breaker),
                ports: [1, 2, 3, 4]
            )
        )
        #expect(await fixture.send().value == 503)
    }

    @Test func `an adaptive limit refuses what is beyond its limit`() async throws {
        let limit = AdaptiveLimitConfiguration(algorithm: .aimd(.init(initial: 1, minimum: 1, maximum: 1)))
        let fixture = try MeshFixture(Self.resources(cluster: TrafficPolicies(adaptiveLimit: limit))) { _, _ in
            .respondAfter(.seconds(1), InMemoryResponse(200))
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await fixture.send() }
            await fixture.clock.waitForSleepers()
            let refusal = await fixture.send().meshError
            #expect(refusal?.code == .shed && refusal?.localReply?.status == 503)
            fixture.clock.advance(by: .seconds(1))
        }
        #expect(fixture.isAtRest)
    }

    @Test func `admission control refuses more and more to a peer that fails, and retries do not try again`()
        async throws
    {
        let fixture = try MeshFixture(
            Self.resources(route: TrafficPolicies(admissionControl: .envoy), retry: Given.retry(attempts: 3)),
            retryBudget: nil
        ) { _, _ in .status(503) }
        var refused = 0
        for _ in 0..<400 { if await fixture.send().meshError?.code == .shed { refused += 1 } }
        #expect(refused > 200)
        #expect(fixture.network.sent.count == (400 - refused) * 3)
        #expect(fixture.observer.decisions.count { $0.policy == .admissionControl && $0.action == .refused } == refused)
    }

    @Test func `a hedge answers for a slow attempt, from another endpoint, and is counted as an attempt`() async throws
    {
        let hedging = HedgingConfiguration(delay: .fixed(.milliseconds(100)))
        let fixture = try MeshFixture(Self.resources(route: TrafficPolicies(hedging: hedging), ports: [1, 2])) {
            _,
            number in
            number == 0 ? .respondAfter(.seconds(10), InMemoryResponse(200)) : .status(201)
        }
        let result = await withTaskGroup(of: Result<Int, any Error>.self) { group in
            group.addTask { await fixture.send() }
            // The first attempt and the hedge's timer wait.
            await fixture.clock.waitForSleepers(2)
            fixture.clock.advance(by: .milliseconds(100))
            return await group.next()
        }
        #expect(result?.value == 201)
        #expect(fixture.network.sent.count == 2 && fixture.attemptsByPort == [1: 1, 2: 1])
        #expect(fixture.observer.decisions.map(\.action) == [.hedged])
        #expect(fixture.observer.requests.first?.status == 201)
        #expect(fixture.isAtRest)
    }

    @Test func `load shedding refuses the least important requests first`() async throws {
        let shedding = LoadShedderConfiguration(capacity: 1, queueFrom: 1, queueTo: 2)
        let fixture = try MeshFixture(Self.resources(route: TrafficPolicies(loadShedding: shedding))) { _, _ in
            .respondAfter(.seconds(1), InMemoryResponse(200))
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    await fixture.send(InMemoryRequest(headers: [("x-criticality", "criticalPlus")]))
                }
            }
            await fixture.clock.waitForSleepers(1)
            let refusal = await fixture.send(InMemoryRequest(headers: [("x-criticality", "sheddable")])).meshError
            #expect(refusal?.code == .shed)
            fixture.clock.advance(by: .seconds(1))
        }
        #expect(fixture.observer.decisions.contains { $0.policy == .loadShedding && $0.action == .refused })
        #expect(fixture.isAtRest)
    }

    @Test(arguments: [true, false])
    func `a fallback answers in place of an error and of a 5xx, when the retries are over`(isError: Bool) async throws {
        let reply = LocalReply(status: 200, body: "no ratings")
        let fixture = try MeshFixture(
            Self.resources(route: TrafficPolicies(fallback: reply), retry: Given.retry(attempts: 2))
        ) { _, _ in isError ? .refuseConnection : .status(503) }
        let answer = await fixture.send().meshError
        #expect(answer?.code == .directResponse && answer?.localReply == reply)
        #expect(fixture.network.sent.count == 2 && fixture.isAtRest)
        #expect(fixture.observer.decisions.last?.action == .fellBack)
        #expect(fixture.observer.requests.first?.status == 200)
    }

    @Test func `a cluster's own retry budget takes the place of the mesh's`() async throws {
        let none = ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 0)
        let fixture = try MeshFixture(
            Self.resources(cluster: TrafficPolicies(retryBudget: .concurrency(none)), retry: Given.retry(attempts: 3))
        ) { _, _ in .status(503) }
        await fixture.send()
        #expect(fixture.network.sent.count == 1)
        #expect(fixture.observer.decisions.contains { $0.policy == .retry && $0.reason == .budget })
    }

    @Test(
        arguments: [
            RetryBudgetChoice.concurrency(.init(percent: 0, minimum: 0)),
            .throttle(.init(maximumTokens: 1, tokenRatio: 0.1)), .quota(.init(capacity: 1)),
        ]
    )
    func `the mesh's retry budget may be any, and is described as the mesh's`(budget: RetryBudgetChoice) async throws {
        let fixture = try MeshFixture(Self.resources(retry: Given.retry(attempts: 3)), retryBudget: budget) { _, _ in
            .status(503)
        }
        await fixture.send()
        #expect(fixture.network.sent.count == 1)
        #expect(fixture.observer.decisions.contains { $0.policy == .retry && $0.reason == .budget })
        let stack = try #require(fixture.mesh.describe(InMemoryRequest()).first?.stack)
        let settings = stack.policies.first { $0.slot == .retry }?.settings ?? []
        #expect(settings.contains { $0.name.hasPrefix("budget.") && $0.source == .configured("mesh") })
    }

    @Test func `row 91: each attempt has a span of its own under one parent`() async throws {
        let fixture = try MeshFixture(Given.simple(retry: Given.retry(attempts: 3))) { _, _ in .status(503) }
        await fixture.send()
        let traces = fixture.network.sent.map(\.trace)
        #expect(traces.count == 3 && Set(traces.map(\.spanID)).count == 3)
        #expect(Set(traces.map(\.traceIDText)).count == 1)
    }

    @Test func `every broken bound is refused with its path, and the last good configuration stays`() throws {
        let fixture = try MeshFixture(Given.simple())
        let broken = TrafficPolicies(
            hedging: HedgingConfiguration(maximumAttempts: 0),
            bulkhead: BulkheadConfiguration(maximumConcurrent: 0)
        )
        let error = #expect(throws: ConfigurationError.self) {
            try fixture.mesh.apply(Self.resources(route: broken, cluster: broken))
        }
        let paths = error?.problems.map(\.path) ?? []
        #expect(paths.contains { $0.contains("virtualHosts[0].routes[0].policies.bulkhead") })
        #expect(paths.contains { $0.contains("clusters[v1].policies.hedging") })
        #expect(fixture.mesh.snapshot?.generation == 1)
    }

    @Test func `the stack is described with the source of every value, and explain tells it`() throws {
        let fixture = try MeshFixture(
            Self.resources(
                route: TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 7)),
                cluster: TrafficPolicies(admissionControl: .envoy),
                retry: Given.retry(perTryTimeout: .seconds(2))
            )
        )
        let described = fixture.mesh.describe(InMemoryRequest())
        #expect(described.map(\.cluster) == ["v1"])
        let stack = try #require(described.first?.stack)
        #expect(stack.policies.map(\.slot) == [.admissionControl, .retry, .bulkhead, .attemptTimeout])
        #expect(stack.problems.isEmpty)
        #expect(stack.description.contains("bulkhead default: mode enforce"))
        #expect(stack.description.contains("maximumConcurrent 7 (route default)"))
        #expect(stack.description.contains("threshold 0.95 (default: Envoy admission_control sr_threshold)"))
        let told = fixture.mesh.explain(InMemoryRequest()).facts.filter { $0.name == "policy" }.map(\.value)
        #expect(told.count == 2 && told[1].contains("maximumConcurrent 7 (route default)"))
    }
}
