// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct KeyedRateLimiterTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func limiter(
        _ limit: RateLimitConfiguration = RateLimitConfiguration(rate: 2, per: .seconds(1)),
        keys: Int = 3
    ) throws -> KeyedRateLimiter<String> {
        try KeyedRateLimiter(
            KeyedRateLimitConfiguration(limit: limit, maximumKeys: keys),
            name: "users",
            observers: ObserverSet([observer]),
            clock: clock
        )
    }

    @Test func `each key has a limit of its own`() async throws {
        let limiter = try limiter()
        for key in ["a", "a", "b"] { try await limiter.run(for: key) {} }
        let error = #expect(throws: MeshError.self) { try limiter.acquire(for: "a") }
        #expect(error?.retryAfter == .seconds(1))
        #expect(limiter.availablePermits(for: "a") == 0 && limiter.availablePermits(for: "b") == 1)
        #expect(limiter.availablePermits(for: "never seen") == 2)
        #expect(observer.decisions == [PolicyDecision(.rateLimit, name: "users", .refused, because: .limit)])
    }

    @Test func `a flood of new keys gets one key's rate, and wins nobody back what is used up`() throws {
        let limiter = try limiter()
        for key in ["a", "a", "b", "c"] { try limiter.acquire(for: key) }
        var passed = 0
        for number in 0..<100 where (try? limiter.acquire(for: "flood \(number)")) != nil { passed += 1 }
        #expect(passed == 2)
        #expect(limiter.keyCount == 3)
        #expect(throws: MeshError.self) { try limiter.acquire(for: "a") }
        #expect(limiter.availablePermits(for: "b") == 1)
    }

    @Test func `a key whose limit is whole again makes room, the least recently used first`() throws {
        let limiter = try limiter()
        for key in ["a", "b", "c", "a"] { try limiter.acquire(for: key) }
        clock.advance(by: .seconds(1))
        try limiter.acquire(for: "c")
        // b is the oldest, and as if it had never called.
        try limiter.acquire(for: "d")
        try limiter.acquire(for: "d")
        #expect(limiter.keyCount == 3)
        #expect(limiter.availablePermits(for: "d") == 0)
        #expect(limiter.availablePermits(for: "c") == 1)
        // a is next, and after it c, which is not whole: b, back again, shares with whoever finds no room.
        try limiter.acquire(for: "e")
        try limiter.acquire(for: "b")
        try limiter.acquire(for: "f")
        #expect(throws: MeshError.self) { try limiter.acquire(for: "a") }
    }

    @Test func `a key waits for its turn, and a cancelled wait gives it back`() async throws {
        let limiter = try limiter(RateLimitConfiguration(rate: 1, per: .seconds(1), maximumWait: .seconds(5)), keys: 1)
        // The second key shares what keys without room share.
        for key in ["a", "b"] {
            try await limiter.run(for: key) {}
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await limiter.run(for: key) {} }
                await clock.waitForSleepers()
                #expect(limiter.availablePermits(for: key) == -1)
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
            #expect(limiter.availablePermits(for: key) == 0)
        }
        let until = Deadline(.milliseconds(500), after: clock.now)
        let error = await #expect(throws: MeshError.self) { try await limiter.acquireWaiting(for: "a", until: until) }
        #expect(error?.reason == .deadline)
        async let waited: Void = limiter.run(for: "a") {}
        await clock.waitForSleepers()
        clock.advance(by: .seconds(1))
        try await waited
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `in a dry run and disabled everybody passes`(mode: PolicyMode) async throws {
        let limiter = try limiter(RateLimitConfiguration(rate: 1, per: .seconds(1), mode: mode))
        for _ in 0..<3 { try await limiter.run(for: "a") {} }
        let expected = PolicyDecision(.rateLimit, name: "users", .refused, because: .limit, isEnforced: false)
        #expect(observer.decisions == (mode == .observe ? [expected, expected] : []))
        #expect(limiter.keyCount == (mode == .observe ? 1 : 0))
    }

    @Test func `many tasks with many keys get what each key has`() async throws {
        let limiter = try limiter(RateLimitConfiguration(rate: 100, per: .seconds(1)), keys: 10)
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<2_000).count { (try? limiter.acquire(for: "key \($0 % 10)")) != nil }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(granted == 1_000 && limiter.keyCount == 10)
    }

    @Test func `no walk gives a key more than its rate, nor remembers more keys than it may`() {
        let limit = RateLimitConfiguration(rate: 3, per: .milliseconds(100))
        let start = MeshInstant(nanoseconds: 1)
        var machine = KeyedRateLimitStateMachine<UInt64>(
            KeyedRateLimitConfiguration(limit: limit, maximumKeys: 8),
            at: start
        )
        let random = MeshRandom(seed: 11)
        var now = start
        var passed: [UInt64: [UInt64]] = [:]
        var shared: [UInt64] = []
        var mostKeys = 0
        for _ in 0..<100_000 {
            now = now.advanced(by: Nanoseconds(rawValue: random.below(5_000_000)))
            // A few busy keys and many rare ones.
            let key = random.below(2) == 0 ? random.below(4) : random.below(100)
            let answer = machine.permitsWanted(for: key, at: now, until: now)
            mostKeys = max(mostKeys, machine.count)
            guard case .granted = answer.turn else { continue }
            if answer.isShared {
                shared.append(now.nanoseconds)
            } else {
                passed[key, default: []].append(now.nanoseconds)
            }
        }
        // A bucket of three that gets three every 100 ms lets at most six pass within 100 ms.
        func excess(_ calls: [UInt64]) -> Int {
            calls.indices.count { $0 + 6 < calls.count && calls[$0 + 6] - calls[$0] < 100_000_000 }
        }
        #expect(passed.values.allSatisfy { excess($0) == 0 })
        #expect(mostKeys == 8 && excess(shared) == 0 && shared.count > 100 && passed.count > 50)
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = KeyedRateLimitConfiguration(limit: RateLimitConfiguration(rate: 0, per: .zero), maximumKeys: 0)
        let error = #expect(throws: ConfigurationError.self) { try KeyedRateLimiter<Int>(broken) }
        #expect(
            error?.problems.map(\.path) == [
                "limit.maximumTokens", "limit.tokensPerFill", "limit.fillInterval", "maximumKeys",
            ]
        )
    }
}
