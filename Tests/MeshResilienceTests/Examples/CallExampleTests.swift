// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The examples of `Docs/Policies` about whole calls, as they stand there; `RepositoryTests` compares them.
@Suite struct CallExampleTests {
    private struct Ratings: Sendable, Equatable {
        static let none = Ratings(stars: 0)
        var stars: Int
    }

    private struct Receipt: Sendable, Equatable {
        static let stale = Receipt()
    }

    private struct Client: Sendable {
        let asked = Journal<String>()
        let called = Gate()

        func ratings(of product: String) async throws -> Ratings {
            asked.append(product)
            called.open()
            return Ratings(stars: Int(product) ?? 0)
        }
    }

    private func checkOut() async throws -> Receipt { Receipt() }
    @Sendable private func fetchRatings() async throws -> Ratings { Ratings(stars: 4) }
    private func fetchPrice(_ item: String, attempt: Int) async throws -> Int { item.count + attempt }
    private func waitForTurn() async throws {}
    private func render() async throws -> String { "page" }

    @Test func `command`() async throws {
        let (client, written) = (Client(), Journal<String>())
        struct Writer {
            let lines: Journal<String>
            func write(_ line: String) async throws { lines.append(line) }
        }
        let writer = Writer(lines: written)
        let work = Task {
            let ratings = try Command("GetRatings", group: "ratings", fallback: { _, _ in Ratings.none }) { product in
                try await client.ratings(of: product)
            }
            let shown = try await ratings.execute("7")
            let lately = ratings.metrics
            for await line in ratings.hystrixStream() { try await writer.write(line) }
            return (shown, lately)
        }
        await client.called.pass()
        // The stream goes on until its reader's task is cancelled.
        work.cancel()
        let (shown, lately) = try await work.value
        #expect(shown.stars == 7 && lately.requests == 1 && client.asked.all == ["7"])
    }

    @Test func `composition`() async throws {
        let (retry, breaker, bulkhead) = (
            try Retry(), try CircuitBreaker(CircuitBreakerConfiguration()), try Bulkhead()
        )
        let timeout = Timeout(.seconds(2))
        let pipeline = try PolicyPipeline("ratings", [retry, breaker, bulkhead, timeout, timeout.perAttempt])
        let ratings = try await pipeline.run { try await fetchRatings() }
        print(pipeline.describe())
        #expect(ratings.stars == 4 && pipeline.describe().problems.isEmpty)
    }

    @Test func `deadlines`() async throws {
        let filter = try ExpiredRequestFilter(ExpiredRequestConfiguration(maximumShare: 0.2))

        // A server: how long the caller waits, and whether it still does when the request's turn has come.
        func serve(_ request: some RequestHead, clock: some MeshClock) async throws -> String {
            var deadline = Deadline.never
            if let timeout = TimeoutHeaders.read(request) { deadline = Deadline(timeout, after: clock.now) }
            try await waitForTurn()
            return try await filter.run(deadline: deadline) { try await render() }
        }

        // A client: the peer hears how much time is left.
        func prepare(_ request: inout some RequestHead, deadline: Deadline, clock: some MeshClock) {
            DeadlineHeaders([.envoy, .grpc]).write(deadline, at: clock.now, to: &request)
        }

        let clock = ManualClock()
        var request = InMemoryRequest()
        prepare(&request, deadline: Deadline(.seconds(2), after: clock.now), clock: clock)
        #expect(TimeoutHeaders.read(request) == .seconds(2))
        #expect(try await serve(request, clock: SystemClock()) == "page")
    }

    @Test func `fault injection`() async throws {
        do {
            let chaos = try FaultInjector(
                FaultConfiguration(
                    delay: .init(duration: .milliseconds(100), percentage: .init(percent: 10), upTo: .seconds(2)),
                    abort: .init(status: 503, percentage: .init(percent: 1)),
                    timeToLive: .seconds(3_600),
                    maximumActive: 20
                ),
                name: "checkout"
            )
            let receipt = try await chaos.run { try await checkOut() }
            // Another outcome in place of the error: a result, an error of your own, or a detour.
            let stale = try await chaos.run(instead: { Receipt.stale }, { try await checkOut() })
            #expect(receipt == Receipt.stale && stale == Receipt.stale)
        } catch let error as MeshError {
            #expect(error.code == .faultInjected, "one call in a hundred")
        }
    }

    @Test func `retry`() async throws {
        func lookUp(_ item: String) async throws -> Int? { item.isEmpty ? nil : 1 }
        let retry = try Retry(
            RetryPolicy(
                maximumAttempts: 3,
                conditions: [.serverError, .connectFailure],
                backoff: .decorrelated(start: .milliseconds(20), maximum: .seconds(1)),
                totalTime: .seconds(5)
            ),
            budget: try RetryBudget(RetryBudgetConfiguration(percent: 20, minimumPerSecond: 10)),
            name: "prices"
        )

        func price(of item: String) async throws -> Int {
            try await retry.run { attempt in try await fetchPrice(item, attempt: attempt) }
        }

        // A value can be no better than a failure.
        func readyPrice(of item: String) async throws -> Int? {
            try await retry.run(rejecting: { $0 == nil }) { _ in try await lookUp(item) }
        }

        #expect(try await price(of: "tea") == 4)
        #expect(try await readyPrice(of: "tea") == 1)
    }

    @Test func `retry budget`() async throws {
        func sendAgain() async throws {}
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 20, minimum: 3), cluster: "prices")
        let retry = try Retry(RetryPolicy(maximumAttempts: 3, conditions: .serverError), budget: budget)

        // What draws on it by itself deposits once a request, and holds a permit while its extra attempt is under way.
        func hedged(at now: MeshInstant) async throws {
            budget.deposit(at: now)
            defer { budget.requestEnded() }
            if let permit = budget.permit(at: now) {
                try await sendAgain()
                // Dropping the permit gives its place back.
                _ = consume permit
            }
        }

        let now = ManualClock().now
        try await hedged(at: now)
        #expect(try await retry.run { 1 } == 1 && budget.balance(at: now) == 3)
    }
}
