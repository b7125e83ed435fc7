// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RateLimiterTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let configuration = RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(1))

    private var waiting: RateLimitConfiguration {
        RateLimitConfiguration(rate: 1, per: .seconds(1), maximumWait: .seconds(2))
    }

    private func limiter(_ configuration: RateLimitConfiguration) throws -> RateLimiter {
        try RateLimiter(configuration, name: "search", observers: ObserverSet([observer]), clock: clock)
    }

    @Test func `it guards any async closure and says when to come again`() async throws {
        let limiter = try RateLimiter(configuration, clock: clock)
        #expect(try await limiter.run { 7 } == 7)
        let error = await #expect(throws: MeshError.self) { try await limiter.run { 7 } }
        #expect(error?.code == .rateLimited && error?.retryAfter == .seconds(1))
        #expect(error?.reason == .limit && error?.origin == .local)
        #expect(error?.localReply?.status == 429)
        clock.advance(by: .seconds(1))
        #expect(try await limiter.run { 8 } == 8)
    }

    @Test func `it tells observers of refusals, and of nothing that passed`() async throws {
        let limiter = try limiter(configuration)
        try await limiter.run {}
        #expect(observer.events.isEmpty)
        await #expect(throws: MeshError.self) { try await limiter.run {} }
        #expect(observer.decisions == [PolicyDecision(.rateLimit, name: "search", .refused, because: .limit)])
    }

    @Test func `a call waits for its turn where the configuration lets it`() async throws {
        let limiter = try limiter(waiting)
        let clock = clock
        try await limiter.run {}
        async let second = limiter.run { clock.now }
        await clock.waitForSleepers()
        #expect(limiter.availablePermits == -1)
        #expect(limiter.expectedWait() == .seconds(2))
        clock.advance(by: .seconds(1))
        #expect(try await second == MeshInstant(nanoseconds: 2_000_000_000))
        #expect(observer.decisions == [PolicyDecision(.rateLimit, name: "search", .queued, because: .limit)])
    }

    @Test func `a wait that is too long is refused at once, and nothing has changed`() async throws {
        let limiter = try limiter(waiting)
        for _ in 0..<3 { try limiter.reserve().commit() }
        #expect(limiter.availablePermits == -2)
        let error = await #expect(throws: MeshError.self) { try await limiter.acquireWaiting() }
        #expect(error?.reason == .waitTooLong && error?.retryAfter == .seconds(3))
        #expect(clock.sleeperCount == 0 && limiter.availablePermits == -2)
        #expect(observer.decisions.last?.reason == .waitTooLong)
    }

    @Test(arguments: [(UInt64(1_000), true), (1_001, false)])
    func `a call never waits for a turn that its deadline does not let it use`(
        deadline: UInt64,
        isHopeless: Bool
    ) throws {
        let limiter = try limiter(waiting)
        try limiter.acquire()
        let until = Deadline(.milliseconds(deadline), after: clock.now)
        do {
            try limiter.reserve(until: until).commit()
            #expect(!isHopeless)
        } catch {
            #expect(isHopeless && error.reason == .deadline && error.code == .rateLimited)
        }
        #expect(limiter.availablePermits == (isHopeless ? 0 : -1))
    }

    @Test func `a cancelled wait gives its turn to others`() async throws {
        let limiter = try limiter(waiting)
        try limiter.acquire()
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await limiter.run {} }
            await clock.waitForSleepers()
            #expect(limiter.availablePermits == -1)
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        #expect(limiter.availablePermits == 0)
        // A task that was cancelled before it began to wait.
        let cancelled = Task { try await limiter.run {} }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(limiter.availablePermits == 0)
    }

    @Test func `a cancelled operation has used its permit`() async throws {
        let limiter = try limiter(configuration)
        await #expect(throws: CancellationError.self) { try await limiter.run { throw CancellationError() } }
        #expect(limiter.availablePermits == 0)
        #expect(observer.events.isEmpty)
    }

    @Test func `a reservation that is dropped gives its permits back, one that is committed does not`() throws {
        let limiter = try limiter(RateLimitConfiguration(rate: 3, per: .seconds(1), maximumWait: .seconds(5)))
        try limiter.reserve(permits: 2).commit()
        #expect(limiter.availablePermits == 1)
        do {
            let reservation = try limiter.reserve(permits: 2)
            let (mustWait, readyAt) = (reservation.mustWait, reservation.readyAt)
            #expect(mustWait && readyAt == clock.now.advanced(by: .seconds(1)))
            #expect(limiter.availablePermits == -1)
            reservation.giveBack()
        }
        #expect(limiter.availablePermits == 1)
        try limiter.acquire(permits: 0)
        #expect(limiter.availablePermits == 1)
    }

    @Test(arguments: RateLimitConfiguration.Algorithm.allCases)
    func `permits that were there and are not used are there again`(
        algorithm: RateLimitConfiguration.Algorithm
    ) throws {
        let limiter = try limiter(RateLimitConfiguration(rate: 3, per: .seconds(1), burst: 3, algorithm: algorithm))
        try limiter.reserve(permits: 2).giveBack()
        #expect(limiter.availablePermits == 3)
        try limiter.reserve(permits: 2).commit()
        #expect(limiter.availablePermits == 1)
    }

    @Test func `in a dry run it says what it would have done, and neither refuses nor waits`() async throws {
        var configuration = waiting
        configuration.mode = .observe
        let limiter = try limiter(configuration)
        for number in 0..<5 { #expect(try await limiter.run { number } == number) }
        try limiter.acquire()
        #expect(clock.sleeperCount == 0)
        #expect(observer.decisions.map(\.action) == [.queued, .queued, .refused, .refused, .refused])
        #expect(observer.decisions.map(\.reason) == [.limit, .limit, .waitTooLong, .waitTooLong, .limit])
        #expect(observer.decisions.allSatisfy { !$0.isEnforced })
    }

    @Test func `disabled it remembers nothing`() async throws {
        var configuration = configuration
        configuration.mode = .disabled
        let limiter = try limiter(configuration)
        for _ in 0..<5 { try await limiter.run {} }
        try await limiter.acquireWaiting()
        #expect(limiter.availablePermits == 1 && observer.events.isEmpty)
    }

    @Test func `many tasks at once get as many permits as there are`() async throws {
        let limiter = try limiter(RateLimitConfiguration(rate: 1_000, per: .seconds(1)))
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var granted = 0
                    for _ in 0..<500 where (try? limiter.acquire()) != nil { granted += 1 }
                    return granted
                }
            }
            return await group.reduce(0, +)
        }
        #expect(granted == 1_000)
        #expect(observer.decisions.count == 3_000)
    }

    @Test func `many tasks wait and are cancelled, and no permit is lost`() async throws {
        let limiter = try RateLimiter(
            RateLimitConfiguration(rate: 10, per: .seconds(1), algorithm: .slidingLog, maximumWait: .seconds(60)),
            clock: clock
        )
        for _ in 0..<10 { try limiter.acquire() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { _ = try? await limiter.run {} } }
            await clock.waitForSleepers(200)
            group.cancelAll()
        }
        #expect(clock.sleeperCount == 0)
        #expect(limiter.expectedWait() == .seconds(1))
        clock.advance(by: .seconds(1))
        #expect(limiter.availablePermits == 10)
    }

    @Test(arguments: RateLimitConfiguration.Algorithm.allCases)
    func `a configuration names every bound that is broken`(algorithm: RateLimitConfiguration.Algorithm) {
        let broken = RateLimitConfiguration(
            maximumTokens: 0,
            tokensPerFill: -1,
            fillInterval: .zero,
            algorithm: algorithm,
            maximumWait: .forever
        )
        let error = #expect(throws: ConfigurationError.self) { try RateLimiter(broken) }
        let sliding =
            switch algorithm {
            case .tokenBucket, .smooth: [String]()
            case .slidingWindow: ["maximumTokens", "maximumWait"]
            case .slidingLog: ["maximumTokens"]
            }
        #expect(
            error?.problems.map(\.path) == ["maximumTokens", "tokensPerFill", "fillInterval", "maximumWait"] + sliding
        )
    }

    @Test func `each algorithm has bounds of its own`() {
        func paths(_ configuration: RateLimitConfiguration) -> [String] {
            do {
                try configuration.validate()
                return []
            } catch {
                return error.problems.map(\.path)
            }
        }
        let large = 20_000
        let short = Nanoseconds.milliseconds(1)
        #expect(
            paths(RateLimitConfiguration(rate: large, per: .seconds(1), algorithm: .slidingLog)) == ["tokensPerFill"]
        )
        #expect(paths(RateLimitConfiguration(rate: large, per: .seconds(1), algorithm: .slidingWindow)) == [])
        #expect(paths(RateLimitConfiguration(rate: 1_000_001, per: short, algorithm: .smooth)) == ["tokensPerFill"])
        #expect(paths(RateLimitConfiguration(rate: 1_000_000, per: short, algorithm: .smooth)) == [])
        let burst = RateLimitConfiguration(rate: 5, per: .seconds(1), burst: 6, algorithm: .slidingWindow)
        #expect(paths(burst) == ["maximumTokens"])
    }

    @Test func `settings say what was chosen and what is the default`() {
        let settings = RateLimitConfiguration(rate: 60, per: .seconds(60), algorithm: .smooth).settings
        #expect(
            settings.map(\.description) == [
                "tokensPerFill 60", "fillInterval 60.0 seconds", "maximumTokens 1", "algorithm smooth",
                "maximumWait 0.0 seconds (default: Envoy local_ratelimit)", "mode enforce (default: every policy)",
            ]
        )
    }
}
