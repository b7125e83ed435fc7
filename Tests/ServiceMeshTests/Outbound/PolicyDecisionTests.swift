// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// What routes and clusters say of the policies that xDS knows, and what they do when they only observe.
@Suite struct PolicyDecisionTests {
    @Test func `a fault that only observes aborts and delays nobody, and says what it would have done`() async throws {
        var fault = FaultConfiguration(
            delay: .init(duration: .seconds(5), percentage: .all),
            abort: .init(status: 503, percentage: .all)
        )
        fault.mode = .observe
        let fixture = try MeshFixture(Given.simple(fault: fault))
        #expect(await fixture.send().value == 200)
        #expect(
            fixture.observer.decisions == [
                PolicyDecision(.fault, name: "default", .delayed, because: .chance, isEnforced: false),
                PolicyDecision(.fault, name: "default", .aborted, because: .chance, isEnforced: false),
            ]
        )
        fault.mode = .disabled
        try fixture.mesh.apply(Given.simple(fault: fault))
        #expect(await fixture.send().value == 200)
        #expect(fixture.observer.decisions.count == 2 && fixture.isAtRest)
    }

    @Test func `a rate limit that only observes refuses nobody, and counts as if it did`() async throws {
        var limit = RateLimitConfiguration(rate: 2, per: .seconds(1))
        limit.mode = .observe
        let fixture = try MeshFixture(Given.simple(rateLimit: limit))
        for _ in 0..<5 { #expect(await fixture.send().value == 200) }
        #expect(fixture.observer.decisions.map(\.action) == [.refused, .refused, .refused])
        #expect(fixture.observer.decisions.allSatisfy { $0.policy == .rateLimit && !$0.isEnforced })
    }

    @Test func `an endpoint's breaker tells what it does, and refuses once however many endpoints there are`()
        async throws
    {
        let breaker = CircuitBreakerConfiguration(minimumCalls: 2)
        let fixture = try MeshFixture(Given.simple(ports: [1, 2], circuitBreaker: breaker)) { _, _ in .status(503) }
        for _ in 0..<4 { await fixture.send() }
        #expect(
            fixture.observer.decisions
                == Array(
                    repeating: PolicyDecision(.circuitBreaker, name: "v1", .changed, because: .failures),
                    count: 2
                )
        )
        #expect(await fixture.send().meshError?.code == .circuitOpen)
        #expect(
            fixture.observer.decisions.dropFirst(2)
                == [PolicyDecision(.circuitBreaker, name: "v1", .refused, because: .open)]
        )
        let told = fixture.mesh.explain(InMemoryRequest()).facts.filter { $0.name == "policy" }.map(\.value)
        #expect(told.count == 1 && told.first?.hasPrefix("each endpoint's circuit breaker v1: ") == true)
        #expect(told.first?.contains("minimumCalls 2 (cluster v1)") == true)
    }

    @Test func `an endpoint's breaker that only observes says so, and lets every request pass`() async throws {
        let breaker = CircuitBreakerConfiguration(minimumCalls: 2, mode: .observe)
        let fixture = try MeshFixture(Given.simple(circuitBreaker: breaker)) { _, _ in .status(503) }
        for _ in 0..<4 { #expect(await fixture.send().value == 503) }
        #expect(fixture.observer.decisions.map(\.action) == [.changed, .refused, .refused])
        #expect(fixture.observer.decisions.allSatisfy { !$0.isEnforced && $0.name == "v1" })
        #expect(fixture.isAtRest)
    }

    @Test func `a hedge goes to another endpoint than the attempt that it runs beside`() async throws {
        var resources = Given.simple(ports: [1, 2, 3])
        resources.clusters["v1"]?.loadBalancing = .init(AlwaysFirst())
        resources.clusters["v1"]?.policies.hedging = HedgingConfiguration(
            maximumAttempts: 3,
            delay: .fixed(.milliseconds(100))
        )
        let fixture = try MeshFixture(resources) { _, number in
            number < 2 ? .respondAfter(.seconds(10), InMemoryResponse(200)) : .status(201)
        }
        let result = await withTaskGroup(of: Result<Int, any Error>.self) { group in
            group.addTask { await fixture.send() }
            await fixture.clock.waitForSleepers(2)
            fixture.clock.advance(by: .milliseconds(100))
            await fixture.clock.waitForSleepers(3)
            fixture.clock.advance(by: .milliseconds(100))
            return await group.next()
        }
        #expect(result?.value == 201)
        #expect(fixture.network.sent.map { $0.endpoint?.port } == [1, 2, 3])
        // The attempt that lost gives back what it held in a task of its own.
        for _ in 0..<100_000 where !fixture.isAtRest { await Task.yield() }
        #expect(fixture.isAtRest)
        // The next request knows nothing of them.
        #expect(await fixture.send().value == 201)
        #expect(fixture.network.sent.last?.endpoint?.port == 1)
    }

    @Test func `a system load that nobody can read is refused, with where it stands and why`() throws {
        let shedding = TrafficPolicies(loadShedding: LoadShedderConfiguration(loadTrigger: 4))
        var resources = Given.reviews(
            [Route(name: "default", action: Given.forward(to: "v1"), policies: shedding)],
            [Given.cluster("v1", ports: [1])]
        )
        resources.clusters["v1"]?.policies = shedding
        let error = #expect(throws: ConfigurationError.self) { try MeshFixture(resources) }
        #expect(
            error?.problems.map(\.path) == [
                "cluster v1.policies.loadShedding.loadTrigger",
                "route reviews:9080 reviews default.policies.loadShedding.loadTrigger",
            ]
        )
        #expect(error?.description.contains("MeshConfiguration.systemLoad") == true)
    }

    @Test func `a system load that can be read is heeded on a route`() async throws {
        let shedding = LoadShedderConfiguration(loadTrigger: 4)
        let resources = Given.reviews(
            [
                Route(
                    name: "default",
                    action: Given.forward(to: "v1"),
                    policies: TrafficPolicies(loadShedding: shedding)
                )
            ],
            [Given.cluster("v1", ports: [1])]
        )
        let load = SettableLoad()
        let fixture = try MeshFixture(resources, systemLoad: SystemLoad { load.value }) { sent, _ in
            sent.request.path == "/slow" ? .respondAfter(.seconds(1), InMemoryResponse(200)) : .status(200)
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { await fixture.send(InMemoryRequest(path: "/slow")) } }
            await fixture.clock.waitForSleepers(3)
            #expect(await fixture.send().value == 200)
            load.value = 5
            #expect(await fixture.send().meshError?.code == .shed)
            load.value = 4
            #expect(await fixture.send().value == 200)
            fixture.clock.advance(by: .seconds(1))
        }
        #expect(fixture.isAtRest)
    }
}

/// Picks the first endpoint that may be picked, so that a test knows where a request goes.
private struct AlwaysFirst: LoadBalancingPolicy {
    private struct Picker: EndpointPicker {
        let endpoints: [EndpointState]

        func pick(for request: borrowing PickRequest) -> EndpointState? {
            let excluded = request.excluded
            return endpoints.first { !excluded.contains($0.endpoint.address) } ?? endpoints.first
        }
    }

    var name: String { "always_first" }

    func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        Picker(endpoints: endpoints)
    }
}
