// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct TimeoutTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func timeout(
        _ duration: Nanoseconds = .seconds(1),
        maximumAbandoned: Int = 10,
        mode: PolicyMode = .enforce
    ) throws -> Timeout {
        try Timeout(
            TimeoutConfiguration(duration: duration, maximumAbandoned: maximumAbandoned, mode: mode),
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock
        )
    }

    private var decisions: [PolicyDecision.Action] { observer.decisions.map(\.action) }

    @Test func `an operation that ends in time gives its value`() async throws {
        #expect(try await Timeout(.seconds(1), clock: clock).run { 7 } == 7)
        #expect(try await timeout().run { 8 } == 8)
        #expect(try await timeout().runAbandoning { 9 } == 9)
        #expect(decisions == [])
    }

    @Test func `an error in time is the operation's own`() async throws {
        let timeout = try timeout()
        await #expect(throws: Broken()) { try await timeout.run { throw Broken() } }
        await #expect(throws: Broken()) { try await timeout.runAbandoning { throw Broken() } }
        #expect(decisions == [])
    }

    @Test func `an operation that takes too long is cancelled`() async throws {
        let (timeout, clock) = (try timeout(), clock)
        async let failure = #expect(throws: MeshError.self) {
            try await timeout.run { try await rest(.seconds(60), on: clock) }
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        let error = await failure
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.origin == .upstream)
        #expect(error?.reason == .deadline)
        #expect(error?.requestState == .maybeSent)
        #expect(error?.cause is CancellationError)
        #expect(observer.decisions == [PolicyDecision(.timeout, name: "reviews", .timedOut, because: .deadline)])
    }

    @Test func `the cooperative form waits for an operation that is deaf, and returns the value that comes late`()
        async throws
    {
        let (timeout, gate, cancelled) = (try timeout(), Gate(), Gate())
        async let value = timeout.run {
            await withTaskCancellationHandler {
                await gate.pass()
            } onCancel: {
                cancelled.open()
            }
            return Task.isCancelled
        }
        await gate.waitForArrivals()
        clock.advance(by: .seconds(1))
        await cancelled.pass()
        gate.open()
        #expect(try await value)
        #expect(decisions == [.timedOut])
    }

    @Test func `an error of any type that comes late is the timeout's`() async throws {
        let (timeout, clock) = (try timeout(), clock)
        async let failure = #expect(throws: MeshError.self) {
            try await timeout.run {
                do { try await rest(.seconds(60), on: clock) } catch { throw Broken(number: 3) }
            }
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        let error = await failure
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.cause as? Broken == Broken(number: 3))
    }

    @Test(arguments: [false, true])
    func `row 108: a caller that was cancelled before gets its cancellation and nothing is run`(
        isAbandoning: Bool
    ) async throws {
        let (timeout, gate, journal) = (try timeout(), Gate(), Journal<Int>())
        let caller = Task {
            await gate.pass()
            if isAbandoning {
                try await timeout.runAbandoning { journal.append(1) }
            } else {
                try await timeout.run { journal.append(1) }
            }
        }
        caller.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(journal.count == 0)
        #expect(decisions == [])
        #expect(clock.sleeperCount == 0)
    }

    @Test func `row 108: a caller that is cancelled meanwhile gets the operation's cancellation, not a timeout`()
        async throws
    {
        let (timeout, clock) = (try timeout(), clock)
        let caller = Task { try await timeout.run { try await rest(.seconds(60), on: clock) } }
        await clock.waitForSleepers(2)
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        clock.advance(by: .seconds(5))
        #expect(decisions == [])
    }

    @Test func `the abandoning form walks away from an operation that is deaf, and counts it until it ends`()
        async throws
    {
        let (timeout, gate, late, ended) = (try timeout(), Gate(), Journal<Int>(), Gate())
        async let failure = #expect(throws: MeshError.self) {
            try await timeout.runAbandoning(
                dispose: { value in
                    late.append(value)
                    ended.open()
                }
            ) {
                await gate.pass()
                return 7
            }
        }
        await gate.waitForArrivals()
        clock.advance(by: .seconds(1))
        let error = await failure
        #expect(error?.code == .deadlineExceeded)
        #expect(timeout.abandonedOperations == 1)
        #expect(late.all == [])
        gate.open()
        await ended.pass()
        #expect(timeout.abandonedOperations == 0)
        #expect(late.all == [7])
        #expect(decisions == [.timedOut])
    }

    @Test func `a caller that is cancelled walks away as well`() async throws {
        let (timeout, gate, ended) = (try timeout(), Gate(), Gate())
        let caller = Task { try await timeout.runAbandoning(dispose: { ended.open() }) { await gate.pass() } }
        await gate.waitForArrivals()
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(timeout.abandonedOperations == 1)
        gate.open()
        await ended.pass()
        #expect(timeout.abandonedOperations == 0)
        #expect(decisions == [])
    }

    @Test func `no more operations go on than may: further calls are refused`() async throws {
        let (timeout, gate, ended) = (try timeout(maximumAbandoned: 1), Gate(), Gate())
        async let first = #expect(throws: MeshError.self) {
            try await timeout.runAbandoning(dispose: { ended.open() }) { await gate.pass() }
        }
        await gate.waitForArrivals()
        clock.advance(by: .seconds(1))
        _ = await first
        let refusal = await #expect(throws: MeshError.self) { try await timeout.runAbandoning {} }
        #expect(refusal?.code == .overflow)
        #expect(refusal?.reason == .limit)
        #expect(refusal?.requestState == .notSent)
        gate.open()
        await ended.pass()
        try await timeout.runAbandoning {}
        #expect(decisions == [.timedOut, .refused])
    }

    @Test func `calls that are under way when the bound is reached wait as in the cooperative form`() async throws {
        let (timeout, gate, cancelled, clock) = (try timeout(maximumAbandoned: 0), Gate(), Gate(), clock)
        async let value = timeout.runAbandoning {
            await withTaskCancellationHandler {
                await gate.pass()
            } onCancel: {
                cancelled.open()
            }
            return 7
        }
        await gate.waitForArrivals()
        clock.advance(by: .seconds(1))
        await cancelled.pass()
        #expect(timeout.abandonedOperations == 0)
        gate.open()
        #expect(try await value == 7)
        #expect(timeout.abandonedOperations == 0)
        async let failure = #expect(throws: MeshError.self) {
            try await timeout.runAbandoning { try await rest(.seconds(60), on: clock) }
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        #expect(await failure?.code == .deadlineExceeded)
    }

    @Test func `observe-only lets the operation go on and says that it would have been cancelled`() async throws {
        let (timeout, clock) = (try timeout(mode: .observe), clock)
        async let value = timeout.run {
            try await rest(.seconds(2), on: clock)
            return 7
        }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(2))
        #expect(try await value == 7)
        let told = PolicyDecision(.timeout, name: "reviews", .timedOut, because: .deadline, isEnforced: false)
        #expect(observer.decisions == [told])
        #expect(try await timeout.runAbandoning { 8 } == 8)
        #expect(observer.decisions == [told])
    }

    @Test func `disabled does nothing and says nothing`() async throws {
        let (timeout, clock) = (try timeout(mode: .disabled), clock)
        async let value = timeout.run {
            try await rest(.seconds(2), on: clock)
            return 7
        }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(2))
        #expect(try await value == 7)
        #expect(decisions == [])
    }

    @Test func `an operation inherits its caller's task-local values`() async throws {
        let timeout = try timeout()
        let inbound = InboundContext(trace: .none, peerIdentity: "spiffe://a/b")
        let identity = try await InboundContext.$current.withValue(inbound) {
            try await timeout.run { InboundContext.current?.peerIdentity }
        }
        #expect(identity == "spiffe://a/b")
    }

    @Test func `a bad configuration is refused with every problem`() {
        let error = #expect(throws: ConfigurationError.self) {
            try Timeout(TimeoutConfiguration(duration: .zero, maximumAbandoned: -1))
        }
        #expect(error?.problems.map(\.path) == ["duration", "maximumAbandoned"])
        #expect(throws: ConfigurationError.self) { try Timeout(TimeoutConfiguration(duration: .forever)) }
        #expect(throws: ConfigurationError.self) { try Timeout(TimeoutConfiguration(maximumAbandoned: 1_000_001)) }
        #expect(TimeoutConfiguration().settings.allSatisfy { $0.source != .configured("") })
        #expect(TimeoutConfiguration(duration: .seconds(3)).settings.filter { $0.source == .configured("") }.count == 1)
    }

    @Test func `a deadline beyond the end of time is none`() async throws {
        let clock = ManualClock(start: MeshInstant(nanoseconds: .max - 5))
        #expect(try await Timeout(TimeoutConfiguration(duration: .seconds(365 * 86_400)), clock: clock).run { 7 } == 7)
    }

    @Test func `contended: every call ends once, in time or not, and nothing is left behind`() async throws {
        let (clock, observer) = (clock, observer)
        let wheel = TimerWheel(clock: clock)
        let timeout = try Timeout(
            TimeoutConfiguration(duration: .milliseconds(2)),
            observers: ObserverSet([observer]),
            timers: wheel
        )
        let counts = await withTaskGroup(of: (Int, Int).self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var counts = (0, 0)
                    for step in 0..<500 {
                        let isSlow = (step + worker).isMultiple(of: 3)
                        do {
                            _ = try await timeout.run {
                                if isSlow { try await rest(.seconds(60), on: clock) }
                            }
                            counts.0 += 1
                        } catch {
                            counts.1 += 1
                        }
                    }
                    return counts
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    clock.advance(by: .milliseconds(1))
                    await Task.yield()
                }
                return (0, 0)
            }
            var sum = (0, 0)
            for _ in 0..<4 {
                if let next = await group.next() { sum = (sum.0 + next.0, sum.1 + next.1) }
            }
            group.cancelAll()
            return sum
        }
        #expect(counts.0 + counts.1 == 2000)
        #expect(counts.1 >= 600)
        #expect(observer.decisions.count >= counts.1)
        #expect(wheel.count == 0)
    }
}
