// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Synchronization
import Testing

@Suite struct CircuitBreakerTests {
    private let clock = ManualClock()

    @Test func `it guards any async closure and tells of its changes`() async throws {
        let heard = Mutex<[CircuitBreaker.Change]>([])
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 2), clock: clock) { change in
            heard.withLock { $0.append(change) }
        }
        for _ in 0..<2 {
            await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        }
        let refusal = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(refusal?.code == .circuitOpen && refusal?.origin == .local && refusal?.requestState == .notSent)
        #expect(refusal?.retryAfter == .seconds(5))
        clock.advance(by: .seconds(5))
        #expect(try await breaker.run { 7 } == 7)
        #expect(breaker.state == .closed)
        let changes = heard.withLock { $0 }
        #expect(changes.map(\.cause) == [.failureRate, .waitOver, .recovered])
        #expect(changes.map(\.to) == [.open(until: MeshInstant(nanoseconds: 6_000_000_000)), .halfOpen, .closed])
        #expect(changes.map(\.generation) == [2, 3, 4] && changes.allSatisfy(\.isEnforced))
    }

    @Test func `observers hear of each refusal and each change, and of nothing while all is well`() async throws {
        let observer = RecordingObserver()
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(minimumCalls: 1),
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock
        )
        for _ in 0..<100 { try await breaker.run {} }
        #expect(observer.events.isEmpty)
        // One of 101 is far from half; reset, so that one is enough.
        breaker.reset()
        await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        for _ in 0..<2 { await #expect(throws: MeshError.self) { try await breaker.run {} } }
        clock.advance(by: .seconds(5))
        try await breaker.run { () async throws -> Void in
            await #expect(throws: MeshError.self) { try await breaker.run {} }
        }
        breaker.force(.open)
        await #expect(throws: MeshError.self) { try await breaker.run {} }
        let heard = observer.decisions.map { "\($0.policy) \($0.name) \($0.action) \($0.reason) \($0.isEnforced)" }
        #expect(
            heard
                == [
                    "changed failures", "refused open", "refused open", "changed probing", "refused probing",
                    "changed recovered", "changed forced", "refused forced",
                ].map { "circuitBreaker reviews \($0) true" }
        )
    }

    @Test func `a value that is judged a failure counts as one and is returned`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 2), clock: clock)
        for status in [503, 500] {
            #expect(try await breaker.run(judgedBy: { $0 >= 500 ? .failure : .success }) { status } == status)
        }
        #expect(breaker.permit(at: clock.now) == 0)
        #expect(breaker.metrics.failures == 2)
    }

    @Test func `the time that calls take opens it where slow calls count`() async throws {
        let configuration = CircuitBreakerConfiguration(
            failureRate: nil,
            minimumCalls: 2,
            slowCallRate: 1,
            slowCallDuration: .seconds(1)
        )
        let breaker = try CircuitBreaker(configuration, clock: clock)
        try await breaker.run { clock.advance(by: .seconds(1)) }
        #expect(breaker.metrics.slowCalls == 0)
        breaker.reset()
        for _ in 0..<2 { try await breaker.run { clock.advance(by: .milliseconds(1_001)) } }
        #expect(breaker.metrics.slowCalls == 2 && breaker.metrics.cause == .slowCallRate)
        let error = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(error?.reason == .open)
    }

    // MARK: Modes

    @Test func `disabled, it is not there`() async throws {
        let observer = RecordingObserver()
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(minimumCalls: 1, mode: .disabled),
            observers: ObserverSet([observer]),
            clock: clock
        )
        for _ in 0..<50 { await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } } }
        #expect(breaker.metrics.calls == 0 && observer.events.isEmpty)
        breaker.changeMode(to: .enforce)
        await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        await #expect(throws: MeshError.self) { try await breaker.run {} }
        breaker.changeMode(to: .disabled)
        #expect(try await breaker.run { 1 } == 1)
        #expect(breaker.mode == .disabled && breaker.state == .closed)
    }

    @Test func `observing, it walks through its states and only says so`() async throws {
        let observer = RecordingObserver()
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(minimumCalls: 1, mode: .observe),
            observers: ObserverSet([observer]),
            clock: clock
        )
        await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        #expect(try await breaker.run { 1 } == 1)
        clock.advance(by: .seconds(5))
        try await breaker.run { () async throws -> Void in
            let inner = try await breaker.run { 2 }
            #expect(inner == 2)
            #expect(breaker.metrics.probesOut == 1)
        }
        #expect(breaker.state == .closed)
        #expect(
            observer.decisions.map { "\($0.action) \($0.reason)" } == [
                "changed failures", "refused open", "changed probing", "refused probing", "changed recovered",
            ]
        )
        #expect(observer.decisions.allSatisfy { !$0.isEnforced })
    }

    // MARK: Errors and events

    @Test func `the error of a refusal is made anew when the whole second changes, not before`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 1), clock: clock)
        breaker.open(for: .seconds(3))
        var boxes: [UInt] = []
        var waits: [Nanoseconds?] = []
        for _ in 0..<6 {
            do {
                try await breaker.run {}
            } catch {
                boxes.append(box(of: error))
                waits.append((error as? MeshError)?.retryAfter)
                // Kept alive, so that no two boxes can have the same address.
                keepAlive.append(error)
            }
            clock.advance(by: .milliseconds(400))
        }
        #expect(waits == [3, 3, 3, 2, 2, 1].map { .seconds($0) })
        #expect(Set(boxes).count == 3)
        #expect(boxes[0] == boxes[2] && boxes[3] == boxes[4])
    }

    private let keepAlive = Kept()

    final class Kept: Sendable {
        private let errors = Mutex<[any Error]>([])
        func append(_ error: any Error) { errors.withLock { $0.append(error) } }
    }

    @Test func `the error of a refusal says why, though the time be the same`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(initialState: .halfOpen), clock: clock)
        let probe = try breaker.acquire()
        let probing = await #expect(throws: MeshError.self) { try await breaker.run {} }
        breaker.force(.open)
        let forced = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(probing?.reason == .probing && forced?.reason == .forced)
        #expect(probing?.retryAfter == nil && forced?.retryAfter == nil)
        probe.end(.success)
        #expect(breaker.state == .forcedOpen)
    }

    @Test func `a success that opens it does so at its own time`() async throws {
        let configuration = CircuitBreakerConfiguration(minimumCalls: 2, callWindow: 4, opensOnAnyCall: true)
        let breaker = try CircuitBreaker(configuration, clock: clock)
        await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        try await breaker.run {}
        let error = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(error?.retryAfter == .seconds(5))
    }

    @Test func `a success of the probe whose rates open it again does so at its own time`() async throws {
        let configuration = CircuitBreakerConfiguration(
            probes: 2,
            callWindow: 4,
            recovery: .rates,
            initialState: .halfOpen
        )
        let breaker = try CircuitBreaker(configuration, clock: clock)
        await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        try await breaker.run {}
        let error = await #expect(throws: MeshError.self) { try await breaker.run {} }
        #expect(error?.reason == .open && error?.retryAfter == .seconds(5))
    }

    @Test func `changes can be read as a stream that keeps the newest`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(), clock: clock)
        let two = breaker.changes(keepingNewest: 2)
        let all = breaker.changes()
        breaker.open()
        try breaker.halfOpen()
        breaker.close()
        var newest: [CircuitBreakerStateMachine.State] = []
        for await change in two.prefix(2) { newest.append(change.to) }
        #expect(newest == [.halfOpen, .closed])
        var causes: [CircuitBreakerStateMachine.Cause] = []
        for await change in all.prefix(3) { causes.append(change.cause) }
        #expect(causes == [.forced, .forced, .forced])
    }

    @Test func `the stream of changes ends with its breaker`() async throws {
        var breaker: CircuitBreaker? = try CircuitBreaker(CircuitBreakerConfiguration(), clock: clock)
        let changes = try #require(breaker).changes()
        breaker?.open()
        breaker = nil
        var count = 0
        for await _ in changes { count += 1 }
        #expect(count == 1)
    }

    @Test func `an automatic breaker is half open as soon as its time is over`() async throws {
        let configuration = CircuitBreakerConfiguration(minimumCalls: 1, isHalfOpenAutomatic: true)
        let breaker = try CircuitBreaker(configuration, clock: clock)
        breaker.open()
        let changes = breaker.changes()
        let follower = Task { try await breaker.followClock() }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(5))
        // Nobody calls, and nobody looks but at the events.
        for await change in changes.prefix(1) { #expect(change.to == .halfOpen && change.cause == .waitOver) }
        follower.cancel()
        await #expect(throws: CancellationError.self) { try await follower.value }
        breaker.open()
        clock.advance(by: .seconds(5))
        #expect(breaker.state == .halfOpen, "without a follower, looking is enough")
    }

    // MARK: The documentation

    private func fetchStars() async throws -> Int { 5 }
    private func ping() async -> Bool { true }

    @Test func `the documentation's example does what it says`() async throws {
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
        #expect(stars == 5)
        let permit = try breaker.acquire()
        let isWell = await ping()
        permit.end(isWell ? .success : .failure)
        #expect(breaker.metrics.calls == 2 && breaker.metrics.failures == 0)
        breaker.force(.open)
        #expect(breaker.state == .forcedOpen)
        breaker.force([])
        #expect(breaker.state == .closed)
    }
}
