// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct ResponseCacheTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func cache(
        timeToLive: Nanoseconds = .seconds(10),
        staleIfError: Nanoseconds = .zero,
        staleWhileRevalidate: Nanoseconds = .zero,
        mode: PolicyMode = .enforce,
        isCacheable: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) throws -> ResponseCache<String, Int> {
        try ResponseCache(
            ResponseCacheConfiguration(
                timeToLive: timeToLive,
                staleIfError: staleIfError,
                staleWhileRevalidate: staleWhileRevalidate,
                mode: mode
            ),
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock,
            isCacheable: isCacheable
        )
    }

    private func decision(
        _ action: PolicyDecision.Action,
        _ reason: PolicyDecision.Reason,
        isEnforced: Bool = true
    ) -> PolicyDecision {
        PolicyDecision(.cache, name: "reviews", action, because: reason, isEnforced: isEnforced)
    }

    @Test func `a value is fetched once and served until its time is over`() async throws {
        let cache = try cache()
        #expect(try await cache.run("a") { 1 } == 1)
        #expect(observer.decisions == [])
        clock.advance(by: .seconds(9))
        #expect(try await cache.run("a") { 2 } == 1)
        #expect(observer.decisions == [decision(.served, .duplicate)])
        #expect(try await cache.run("b") { 3 } == 3)
        clock.advance(by: .seconds(1))
        #expect(try await cache.run("a") { 4 } == 4)
        #expect(cache.count == 2)
    }

    @Test func `neither errors nor values that are refused are kept`() async throws {
        let cache = try cache { $0 > 0 }
        await #expect(throws: Broken()) { try await cache.run("a") { throw Broken() } }
        #expect(try await cache.run("a") { 0 } == 0)
        #expect(cache.count == 0)
        #expect(try await cache.run("a") { 5 } == 5)
        #expect(try await cache.run("a") { 6 } == 5)
    }

    @Test func `a value that is not kept ends the one that was, so that no failure is answered with that`() async throws
    {
        let cache = try cache(staleIfError: .seconds(20)) { $0 > 0 }
        _ = try await cache.run("a") { 1 }
        clock.advance(by: .seconds(10))
        #expect(try await cache.run("a") { 0 } == 0)
        #expect(cache.count == 0)
        await #expect(throws: Broken()) { try await cache.run("a") { throw Broken() } }
        #expect(observer.decisions == [])
    }

    @Test func `a refresh whose value is not kept ends the old one`() async throws {
        let gate = Gate()
        let cache = try cache(staleIfError: .seconds(20), staleWhileRevalidate: .seconds(5)) { $0 > 0 }
        _ = try await cache.run("a") { 1 }
        clock.advance(by: .seconds(12))
        let refresh: @Sendable () async throws -> Int = {
            await gate.pass()
            return 0
        }
        #expect(try await cache.run("a", refresh) == 1)
        await gate.waitForArrivals()
        // Too old to be given at once: who comes now waits for the refresh.
        clock.advance(by: .seconds(4))
        async let joined = cache.run("a", refresh)
        gate.open()
        #expect(try await joined == 0)
        #expect(cache.count == 0)
    }

    @Test func `a value whose time is over takes the place of a failure for a while`() async throws {
        let cache = try cache(staleIfError: .seconds(20))
        _ = try await cache.run("a") { 1 }
        clock.advance(by: .seconds(29))
        #expect(try await cache.run("a") { throw Broken() } == 1)
        #expect(observer.decisions == [decision(.servedStale, .failure)])
        clock.advance(by: .seconds(1))
        await #expect(throws: Broken()) { try await cache.run("a") { throw Broken() } }
    }

    @Test func `a value that became too old while the operation was failing stands in for nothing`() async throws {
        let (cache, clock) = (try cache(staleIfError: .seconds(20)), clock)
        _ = try await cache.run("a") { 1 }
        clock.advance(by: .seconds(29))
        await #expect(throws: Broken()) {
            try await cache.run("a") {
                clock.advance(by: .seconds(1))
                throw Broken()
            }
        }
    }

    @Test func `a value whose time is over is given at once while a new one is fetched`() async throws {
        let (cache, gate, kept) = (try cache(staleWhileRevalidate: .seconds(5)), Gate(), Gate())
        _ = try await cache.run("a") { 1 }
        clock.advance(by: .seconds(12))
        let fetches = Journal<Int>()
        for number in 0..<3 {
            #expect(
                try await cache.run("a") {
                    fetches.append(number)
                    await gate.pass()
                    defer { kept.open() }
                    return 2
                } == 1
            )
        }
        await gate.waitForArrivals()
        #expect(fetches.all == [0], "one fetch is under way, however many ask")
        gate.open()
        await kept.pass()
        // Whoever joins the fetch that is about to end, or comes after it, gets the new value.
        clock.advance(by: .seconds(3))
        #expect(try await cache.run("a") { 2 } == 2)
        #expect(
            observer.decisions.prefix(3) == [
                decision(.servedStale, .latency), decision(.servedStale, .latency), decision(.servedStale, .latency),
            ]
        )
    }

    @Test func `callers that miss the same key together share one fetch`() async throws {
        let (cache, gate, fetches) = (try cache(), Gate(), Journal<Int>())
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<5 {
                group.addTask {
                    try await cache.run("a") {
                        fetches.append(number)
                        await gate.pass()
                        return 7
                    }
                }
            }
            await gate.waitForArrivals()
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == [7, 7, 7, 7, 7])
        #expect(fetches.count == 1)
        #expect(cache.count == 1)
    }

    @Test func `a caller that is cancelled gets its cancellation and no stale value`() async throws {
        let (cache, gate) = (try cache(staleIfError: .seconds(20)), Gate())
        _ = try await cache.run("a") { 1 }
        clock.advance(by: .seconds(15))
        let caller = Task {
            try await cache.run("a") {
                await gate.pass()
                return 2
            }
        }
        await gate.waitForArrivals()
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        gate.open()
        #expect(observer.decisions == [])
    }

    @Test func `what was asked for before an invalidation is not kept, and the next caller asks again`() async throws {
        let (cache, gate) = (try cache(), Gate())
        let old = Task {
            try await cache.run("a") {
                await gate.pass()
                return 1
            }
        }
        await gate.waitForArrivals()
        cache.invalidate("a")
        #expect(try await cache.run("a") { 2 } == 2)
        gate.open()
        #expect(try await old.value == 1)
        #expect(try await cache.run("a") { 3 } == 2)
        cache.invalidateAll()
        #expect(cache.count == 0)
        #expect(try await cache.run("a") { 4 } == 4)
    }

    @Test func `observe-only always fetches and says what it would have answered`() async throws {
        let cache = try cache(staleIfError: .seconds(20), mode: .observe)
        #expect(try await cache.run("a") { 1 } == 1)
        #expect(try await cache.run("a") { 2 } == 2)
        clock.advance(by: .seconds(15))
        await #expect(throws: Broken()) { try await cache.run("a") { throw Broken() } }
        #expect(
            observer.decisions == [
                decision(.served, .duplicate, isEnforced: false), decision(.servedStale, .failure, isEnforced: false),
            ]
        )
    }

    @Test func `disabled always fetches, keeps nothing and says nothing`() async throws {
        let cache = try cache(mode: .disabled)
        #expect(try await cache.run("a") { 1 } == 1)
        #expect(try await cache.run("a") { 2 } == 2)
        #expect(cache.count == 0)
        #expect(observer.decisions == [])
    }

    @Test func `a bad configuration is refused with every problem`() {
        let configuration = ResponseCacheConfiguration(timeToLive: .zero, maximumEntries: 0, maximumCost: -1)
        let error = #expect(throws: ConfigurationError.self) {
            try ResponseCache<Int, Int>(configuration)
        }
        #expect(error?.problems.map(\.path) == ["timeToLive", "maximumEntries", "maximumCost"])
        let settings = ResponseCacheConfiguration(timeToLive: .seconds(1)).settings
        #expect(settings.filter { $0.source == .configured("") }.map(\.name) == ["timeToLive"])
    }

    @Test func `contended: every caller gets a value of its key`() async throws {
        let (clock, fetches) = (clock, Journal<Int>())
        let cache = try ResponseCache<Int, Int>(
            ResponseCacheConfiguration(timeToLive: .milliseconds(5), maximumEntries: 8),
            clock: clock
        )
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    let random = MeshRandom(seed: UInt64(worker))
                    for step in 0..<1000 {
                        let key = Int(random.below(16))
                        let value = try? await cache.run(key) {
                            fetches.append(key)
                            await Task.yield()
                            return key
                        }
                        if value != key { Issue.record("\(String(describing: value)) for \(key)") }
                        if step.isMultiple(of: 50) { clock.advance(by: .milliseconds(1)) }
                        if step.isMultiple(of: 333) { cache.invalidate(key) }
                    }
                }
            }
        }
        #expect(cache.count <= 8)
        #expect(fetches.count >= 16 && fetches.count < 4000)
    }

    @Test func `a refresh that hangs keeps nobody from the value for longer than its own deadline`() async throws {
        let (cache, clock) = (try cache(staleWhileRevalidate: .seconds(5)), clock)
        #expect(try await cache.run("a") { 1 } == 1)
        clock.advance(by: .seconds(11))
        let hangs: @Sendable () async throws -> Int = {
            try await rest(.seconds(3600), on: clock)
            return 2
        }
        #expect(try await cache.run("a", hangs) == 1)
        await clock.waitForSleepers(1)
        // The value is of no use any more: whoever comes waits for the refresh, up to its deadline.
        clock.advance(by: .seconds(10))
        let deadline = Deadline(.seconds(1), after: clock.now)
        async let error = #expect(throws: MeshError.self) { try await cache.run("a", deadline: deadline) { 3 } }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        #expect(await error?.code == .deadlineExceeded)
        #expect(try await cache.run("a", deadline: Deadline(.seconds(1), after: clock.now)) { 4 } == 4)
    }
}
