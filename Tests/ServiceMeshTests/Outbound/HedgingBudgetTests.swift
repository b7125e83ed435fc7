// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// The cluster's budget under hedges on a route that has no retries, as every hedge policy of xDS is.
@Suite struct HedgingBudgetTests {
    private static func resources(_ hedging: HedgingConfiguration, _ budget: RetryBudgetChoice) -> MeshResources {
        var v1 = Given.cluster("v1", ports: [1, 2])
        v1.policies.retryBudget = budget
        return Given.reviews(
            [Route(name: "default", action: Given.forward(to: "v1"), policies: TrafficPolicies(hedging: hedging))],
            [v1]
        )
    }

    private static let failures = HedgingConfiguration(delay: .afterFailure, ownBudget: nil)

    @Test func `a budget of requests under way counts those that are hedged, and lets them go when they end`()
        async throws
    {
        let hedging = HedgingConfiguration(delay: .fixed(.milliseconds(100)), ownBudget: nil)
        let budget = ConcurrencyRetryBudgetConfiguration(percent: 100, minimum: 0)
        let fixture = try MeshFixture(Self.resources(hedging, .concurrency(budget))) { _, number in
            number == 0 ? .respondAfter(.seconds(10), InMemoryResponse(200)) : .status(201)
        }
        async let answer = fixture.send().value
        await fixture.clock.waitForSleepers(2)
        fixture.clock.advance(by: .milliseconds(100))
        #expect(await answer == 201)
        #expect(fixture.observer.decisions == [PolicyDecision(.hedge, name: "default", .hedged, because: .latency)])
        let left = fixture.cluster("v1")?.live.retryBudget
        #expect(left?.balance(at: fixture.clock.now) == 0)
        #expect(await fixture.send().value == 201)
        #expect(left?.balance(at: fixture.clock.now) == 0 && fixture.isAtRest)
    }

    @Test func `a throttle hears of the requests that succeed, and hedges again after enough of them`() async throws {
        let throttle = ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 1)
        let fixture = try MeshFixture(Self.resources(Self.failures, .throttle(throttle))) { sent, _ in
            .status(sent.request.path == "/bad" ? 503 : 200)
        }
        let bad = InMemoryRequest(path: "/bad")
        for _ in 0..<10 { #expect(await fixture.send(bad).value == 503) }
        #expect(fixture.observer.decisions.first?.action == .hedged)
        #expect(fixture.observer.decisions.last?.action == .refused)
        for _ in 0..<10 { #expect(await fixture.send().value == 200) }
        #expect(await fixture.send(bad).value == 503)
        #expect(fixture.observer.decisions.last?.action == .hedged && fixture.isAtRest)
    }

    @Test func `failures that no hedge follows drain the throttle, too`() async throws {
        let throttle = ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 0.1)
        var slow = Self.failures
        slow.delay = .fixed(.seconds(1))
        slow.hedgesFailures = false
        let fixture = try MeshFixture(Self.resources(slow, .throttle(throttle))) { _, _ in .status(503) }
        for _ in 0..<3 { #expect(await fixture.send().value == 503) }
        #expect(fixture.cluster("v1")?.live.retryBudget?.balance(at: fixture.clock.now) == 2)
    }

    @Test func `nothing is sent again, errors stay what they are, and nobody is told of retries`() async throws {
        let budget = RetryBudgetChoice.concurrency(ConcurrencyRetryBudgetConfiguration(percent: 100, minimum: 3))
        let fixture = try MeshFixture(Self.resources(Self.failures, budget)) { _, _ in
            .fail(MeshError(.connectionFailed, origin: .upstream, requestState: .notSent, message: "refused"))
        }
        let error = await fixture.send().meshError
        #expect(error?.code == .connectionFailed && error?.attempt == 2)
        #expect(fixture.network.sent.count == 2 && fixture.isAtRest)
        #expect(fixture.observer.decisions.allSatisfy { $0.policy == .hedge })
        let stack = try #require(fixture.mesh.describe(InMemoryRequest()).first?.stack)
        #expect(stack.policies.map(\.slot) == [.hedge])
        #expect(stack.description.contains("budget.percent 100"))
        #expect(fixture.mesh.explain(InMemoryRequest()).facts.contains { $0.name == "retry" && $0.value == "none" })
    }
}
