// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The examples of `Docs/Policies` about limits, as they stand there; `RepositoryTests` compares them.
@Suite struct LimitExampleTests {
    @Sendable private func call() async throws -> Int { 7 }
    @Sendable private func ping() async -> Bool { false }
    @Sendable private func fetchStars() async throws -> Int { 5 }
    @Sendable private func fetchReviews() async throws -> [String] { ["good"] }
    @Sendable private func search(_ words: String) async throws -> [String] { [words] }
    @Sendable private func serve() async throws {}
    @Sendable private func handle(_ request: InMemoryRequest) async throws {}

    @Test func `adaptive limit`() async throws {
        let limit = try AdaptiveLimit(
            AdaptiveLimitConfiguration(
                algorithm: .envoyGradient,
                partitions: [.init("live", share: 0.7), .init("batch", share: 0.3)],
                partitionHeader: "x-traffic"
            ),
            name: "reviews"
        )
        let answer = try await limit.run(partition: "live") { try await call() }
        #expect(answer == 7 && limit.inFlight == 0)
    }

    @Test func `admission control`() async throws {
        let control = try AdmissionControl(.envoy, name: "reviews")
        let reviews = try await control.run { try await fetchReviews() }
        #expect(reviews == ["good"] && control.refusalShare == 0)
    }

    @Test func `bulkhead`() async throws {
        let bulkhead = try Bulkhead(
            BulkheadConfiguration(maximumConcurrent: 10, maximumQueued: 100, order: .controlledDelay),
            name: "reviews"
        )
        let answer = try await bulkhead.run { try await call() }
        #expect(answer == 7 && bulkhead.inFlight == 0)
    }

    @Test func `circuit breaker`() async throws {
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(
                failureRate: 0.5,
                minimumCalls: 10,
                consecutiveFailures: 5,
                openGrowth: .exponential(2),
                openJitter: .equal,
                maximumOpenDuration: .seconds(60)
            ),
            name: "reviews"
        ) { change in
            print("reviews: \(change.from) -> \(change.to), because \(change.cause)")
        }

        let stars = try await breaker.run { try await fetchStars() }

        // Where a closure does not fit: a permit that is dropped gives itself back.
        let permit = try breaker.acquire()
        let isWell = await ping()
        permit.end(isWell ? .success : .failure)

        breaker.force(.open)  // held open until…
        breaker.force([])  // …it is let go
        #expect(stars == 5 && breaker.metrics.calls == 2 && breaker.metrics.failures == 1)
        #expect(breaker.state == .closed)
    }

    @Test func `load shedding`() async throws {
        let request = InMemoryRequest()
        let shedder = try LoadShedder(
            LoadShedderConfiguration(capacity: 100, userHeader: "x-user"),
            name: "inbound"
        )
        let permit = try shedder.admit(.sheddable, user: "ada")
        try await handle(request)
        permit.served()
        #expect(shedder.inFlight == 0)
    }

    @Test func `rate limit`() async throws {
        let user = "ada"
        let limiter = try RateLimiter(
            RateLimitConfiguration(
                rate: 60,
                per: .seconds(60),
                burst: 10,
                algorithm: .smooth,
                maximumWait: .seconds(2)
            ),
            name: "search"
        )
        let hits = try await limiter.run { try await search("swift") }

        let perUser = try KeyedRateLimiter<String>(
            KeyedRateLimitConfiguration(limit: RateLimitConfiguration(rate: 60, per: .seconds(60)), maximumKeys: 10_000)
        )
        try await perUser.run(for: user) { try await serve() }

        let reservation = try limiter.reserve()  // a turn, now or later; dropped, it is given back
        try await reservation.wait()  // waits for it and commits it
        #expect(hits == ["swift"] && limiter.availablePermits == 8 && perUser.availablePermits(for: user) == 59)
    }
}
