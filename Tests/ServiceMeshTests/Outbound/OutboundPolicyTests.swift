// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Synchronization
import Testing

@Suite struct OutboundPolicyTests {
    @Test func `an injected delay is cut off by the caller's deadline`() async throws {
        let fixture = try MeshFixture(
            Given.simple(fault: FaultConfiguration(delay: .init(duration: .seconds(5), percentage: .all)))
        )
        let started = fixture.clock.now
        let result = await withTaskGroup(of: Result<Int, any Error>.self) { group in
            group.addTask { await fixture.send(deadline: Deadline(.seconds(1), after: started)) }
            await fixture.clock.waitForSleepers()
            fixture.clock.advance(by: .seconds(1))
            return await group.next()
        }
        #expect(result?.meshError?.code == .deadlineExceeded)
        let record = try #require(fixture.observer.requests.first)
        #expect(record.duration == .seconds(1) && record.flags == [.durationTimeout, .delayInjected])
        #expect(record.status == 504 && fixture.network.sent.isEmpty)
    }

    @Test func `an injected abort is the answer that a proxy would have given, and retries do not mask it`()
        async throws
    {
        let fixture = try MeshFixture(
            Given.simple(
                retry: Given.retry(attempts: 5),
                fault: FaultConfiguration(abort: .init(status: 555, percentage: .all))
            )
        )
        #expect(await fixture.send().meshError?.localReply?.status == 555)
        let record = try #require(fixture.observer.requests.first)
        #expect(record.status == 555 && record.flags == [.faultInjected] && record.attempts == 0)
    }

    @Test func `faults may be a cluster's own`() async throws {
        var forward = RouteAction.Forward(
            clusters: try WeightedClusters([WeightedCluster("v1", weight: 50), WeightedCluster("v2", weight: 50)])
        )
        forward.clusterFaults = ["v2": FaultConfiguration(abort: .init(status: 500, percentage: .all))]
        let fixture = try MeshFixture(
            Given.reviews(
                [Route(action: .forward(forward))],
                [Given.cluster("v1", ports: [1]), Given.cluster("v2", ports: [2])]
            )
        )
        for _ in 0..<100 { await fixture.send() }
        #expect(fixture.attemptsByPort[2] == nil)
        #expect((30...70).contains(fixture.attemptsByPort[1] ?? 0))
    }

    @Test func `a retry goes to another endpoint`() async throws {
        let fixture = try MeshFixture(Given.simple(ports: [1, 2, 3], retry: Given.retry())) { sent, _ in
            sent.attempt == 1 ? .refuseConnection : .status(200)
        }
        for _ in 0..<50 { #expect(await fixture.send().value == 200) }
        let sent = fixture.network.sent
        #expect(sent.count == 100 && fixture.isAtRest)
        #expect(stride(from: 0, to: 100, by: 2).allSatisfy { sent[$0].endpoint != sent[$0 + 1].endpoint })
    }

    @Test func `an exhausted retry budget is reported under its cluster's name`() async throws {
        let fixture = try MeshFixture(
            Given.simple(retry: Given.retry(attempts: 5)),
            retryBudget: .tokens(RetryBudgetConfiguration(percent: 0, minimumPerSecond: 1, timeToLive: .seconds(1)))
        ) { _, _ in .status(503) }
        await fixture.send()
        // The budget is its cluster's over a push that changes the cluster.
        try fixture.mesh.apply(Given.simple(ports: [1, 2], retry: Given.retry(attempts: 5)))
        await fixture.send()
        let clusters = fixture.observer.events.compactMap { event -> String? in
            if case .retryBudgetExhausted(let cluster) = event { cluster } else { nil }
        }
        #expect(clusters == ["v1", "v1"])
    }

    @Test func `one dead endpoint of two costs no request`() async throws {
        let detection = OutlierDetection(consecutiveFailures: 3, maximumEjectionPercent: 50)
        let fixture = try MeshFixture(
            Given.simple(ports: [1, 2], retry: Given.retry(), outlierDetection: detection)
        ) { sent, _ in sent.endpoint?.port == 1 ? .refuseConnection : .status(200) }
        for _ in 0..<200 { #expect(await fixture.send().value == 200) }
        #expect(fixture.attemptsByPort[1] == 3)
        #expect(fixture.attemptsByPort[2] == 200)
        let names = fixture.observer.events.map { "\($0)".prefix(while: { $0 != "(" }) }
        #expect(names.contains("endpointEjected"))
    }

    @Test func `an ejected endpoint returns when its time is over`() async throws {
        let detection = OutlierDetection(consecutiveFailures: 2, maximumEjectionPercent: 50)
        let isDead = Mutex(true)
        let fixture = try MeshFixture(Given.simple(ports: [1, 2], outlierDetection: detection)) { sent, _ in
            sent.endpoint?.port == 1 && isDead.withLock { $0 } ? .status(500) : .status(200)
        }
        for _ in 0..<10 { await fixture.send() }
        #expect(fixture.attemptsByPort[1] == 2)
        isDead.withLock { $0 = false }
        fixture.clock.advance(by: .seconds(29))
        for _ in 0..<10 { await fixture.send() }
        #expect(fixture.attemptsByPort[1] == 2)
        fixture.clock.advance(by: .seconds(1))
        for _ in 0..<10 { await fixture.send() }
        #expect(fixture.attemptsByPort[1] == 7)
    }

    @Test func `when every endpoint is ejected the traffic goes to all of them`() async throws {
        let detection = OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 100)
        let fixture = try MeshFixture(Given.simple(ports: [1, 2], outlierDetection: detection)) { _, number in
            number < 2 ? .status(500) : .status(200)
        }
        for _ in 0..<102 { await fixture.send() }
        #expect(fixture.attemptsByPort[1] == 51 && fixture.attemptsByPort[2] == 51)
    }

    @Test func `a retry in panic avoids the endpoint that just failed`() async throws {
        let detection = OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 100)
        let fixture = try MeshFixture(
            Given.simple(ports: [1, 2], retry: Given.retry(), outlierDetection: detection)
        ) { sent, number in number < 4 || sent.endpoint?.port == 1 ? .status(500) : .status(200) }
        for _ in 0..<20 { await fixture.send() }
        let sent = fixture.network.sent
        for (first, second) in zip(sent, sent.dropFirst()) where second.attempt == 2 {
            #expect(first.endpoint != second.endpoint)
        }
        #expect(fixture.observer.requests.suffix(15).allSatisfy { $0.status == 200 })
    }

    @Test func `an endpoint's breaker opens, refuses, probes and closes`() async throws {
        let breaker = CircuitBreakerConfiguration(minimumCalls: 3)
        let isDead = Mutex(true)
        let fixture = try MeshFixture(Given.simple(circuitBreaker: breaker)) { _, _ in
            isDead.withLock { $0 } ? .status(503) : .status(200)
        }
        for _ in 0..<3 { await fixture.send() }
        fixture.clock.advance(by: .seconds(2))
        let refusal = await fixture.send().meshError
        #expect(refusal?.code == .circuitOpen && refusal?.retryAfter == .seconds(3))
        #expect(fixture.network.sent.count == 3)
        #expect(fixture.mesh.explain(InMemoryRequest())["endpoint"]?.contains("circuit breaker open") == true)
        isDead.withLock { $0 = false }
        fixture.clock.advance(by: .seconds(3))
        #expect(await fixture.send().value == 200)
        #expect(fixture.mesh.explain(InMemoryRequest())["endpoint"]?.contains("circuit breaker") == false)
        #expect(fixture.observer.events.count { if case .circuitBreakerChanged = $0 { true } else { false } } == 3)
        #expect(fixture.isAtRest)
    }

    @Test func `half-open admits one probe while others go elsewhere`() async throws {
        let breaker = CircuitBreakerConfiguration(minimumCalls: 1)
        let fixture = try MeshFixture(Given.simple(ports: [1, 2], circuitBreaker: breaker)) { sent, number in
            guard sent.endpoint?.port == 1 else { return .status(200) }
            return number < 2 ? .status(503) : .respondAfter(.seconds(1), InMemoryResponse(200))
        }
        for _ in 0..<2 { await fixture.send() }
        fixture.clock.advance(by: .seconds(5))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { _ = await fixture.send() } }
            await fixture.clock.waitForSleepers()
            #expect(fixture.mesh.explain(InMemoryRequest()).description.contains("half-open"))
            // The probe is out; whoever comes now is not held up by it.
            for _ in 0..<10 { #expect(await fixture.send().value == 200) }
            fixture.clock.advance(by: .seconds(1))
        }
        #expect(fixture.attemptsByPort[1] == 2 && fixture.isAtRest)
    }

    @Test func `a rate limit refuses with 429 and says when to come again`() async throws {
        let limit = RateLimitConfiguration(maximumTokens: 2, fillInterval: .seconds(1))
        let fixture = try MeshFixture(Given.simple(rateLimit: limit))
        for _ in 0..<2 { #expect(await fixture.send().value == 200) }
        let error = await fixture.send().meshError
        #expect(error?.code == .rateLimited && error?.retryAfter == .seconds(1))
        #expect(fixture.observer.requests.last?.status == 429)
        #expect(fixture.observer.requests.last?.flags == [.rateLimited])
    }

    @Test func `a listener's rate limit is one bucket for all of its routes`() async throws {
        let limit = RateLimitConfiguration(maximumTokens: 3, fillInterval: .seconds(1))
        let fixture = try MeshFixture(
            Given.reviews(
                [
                    Route(match: RouteMatch(path: PathMatcher(.prefix("/a"))), action: Given.forward(to: "v1")),
                    Route(action: Given.forward(to: "v1")),
                ],
                [Given.cluster("v1", ports: [1])],
                filters: [.rateLimit(limit)]
            )
        )
        for number in 0..<6 { await fixture.send(InMemoryRequest(path: number % 2 == 0 ? "/a" : "/b")) }
        #expect(fixture.network.sent.count == 3)
    }

    @Test func `a cluster's limit of concurrent requests refuses the next with UO`() async throws {
        let fixture = try MeshFixture(Given.simple(maximumRequests: 2)) { _, _ in
            .respondAfter(.seconds(1), InMemoryResponse(200))
        }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { #expect(await fixture.send().value == 200) } }
            await fixture.clock.waitForSleepers(2)
            #expect(await fixture.send().meshError?.code == .overflow)
            fixture.clock.advance(by: .seconds(1))
        }
        #expect(fixture.isAtRest)
    }

    @Test func `an attempt that takes too long is followed by another within the request's deadline`() async throws {
        let fixture = try MeshFixture(
            Given.simple(
                ports: [1, 2],
                timeout: .seconds(10),
                retry: Given.retry(perTryTimeout: .seconds(1))
            )
        ) { _, number in number == 0 ? .respondAfter(.seconds(60), InMemoryResponse(200)) : .status(200) }
        let result = await withTaskGroup(of: Result<Int, any Error>.self) { group in
            group.addTask { await fixture.send() }
            await fixture.clock.waitForSleepers()
            fixture.clock.advance(by: .seconds(1))
            return await group.next()
        }
        #expect(result?.value == 200)
        let attempts = fixture.observer.attempts
        #expect(attempts.map(\.attempt) == [1, 2] && attempts.map(\.outcome) == [.failure, .success])
        #expect((attempts[0].error as? MeshError)?.code == .deadlineExceeded)
    }
}
