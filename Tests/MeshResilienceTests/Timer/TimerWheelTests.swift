// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Synchronization
import Testing

@Suite struct TimerWheelTests {
    /// Keeps the tokens that it is told, and lets a test wait for so many.
    private final class Target: TimerTarget {
        private let told = Mutex<(tokens: [UInt64], watcher: (Int, CheckedContinuation<Void, Never>)?)>(([], nil))

        var tokens: [UInt64] { told.withLock { $0.tokens } }

        func timerFired(_ token: UInt64) {
            let watcher = told.withLock { told -> CheckedContinuation<Void, Never>? in
                told.tokens.append(token)
                guard let (count, continuation) = told.watcher, told.tokens.count >= count else { return nil }
                told.watcher = nil
                return continuation
            }
            watcher?.resume()
        }

        func waitForTokens(_ count: Int) async {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isSatisfied = told.withLock { told in
                    if told.tokens.count >= count { return true }
                    told.watcher = (count, continuation)
                    return false
                }
                if isSatisfied { continuation.resume() }
            }
        }
    }

    private let clock = ManualClock()

    private func instant(_ milliseconds: UInt64) -> MeshInstant {
        clock.now.advanced(by: .milliseconds(milliseconds))
    }

    @Test func `one task sleeps for all timers, and each fires once in its turn`() async {
        let wheel = TimerWheel(clock: clock)
        let target = Target()
        for token in (1...100).reversed() {
            _ = wheel.arm(until: instant(UInt64(token)), target, token: UInt64(token))
        }
        #expect(wheel.count == 100)
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(100))
        await target.waitForTokens(100)
        #expect(target.tokens == (1...100).map { UInt64($0) })
        #expect(clock.sleeperCount <= 1)
        #expect(wheel.count == 0)
    }

    @Test func `a timer that is armed for earlier does not wait for a later one`() async {
        let wheel = TimerWheel(clock: clock)
        let target = Target()
        let late = wheel.arm(until: instant(30_000), target, token: 1)
        await clock.waitForSleepers()
        _ = wheel.arm(until: instant(5), target, token: 2)
        clock.advance(by: .milliseconds(5))
        // Whether the sleeper had moved to the earlier timer by then or not, it looks at the clock before it sleeps.
        await target.waitForTokens(1)
        #expect(target.tokens == [2])
        #expect(wheel.cancel(late))
        #expect(!wheel.cancel(late))
    }

    @Test func `a cancelled timer does not fire`() async {
        let wheel = TimerWheel(clock: clock)
        let target = Target()
        let first = wheel.arm(until: instant(5), target, token: 1)
        _ = wheel.arm(until: instant(6), target, token: 2)
        await clock.waitForSleepers()
        #expect(wheel.cancel(first))
        clock.advance(by: .milliseconds(6))
        await target.waitForTokens(1)
        #expect(target.tokens == [2])
    }

    @Test func `a wheel that was idle starts again`() async {
        let wheel = TimerWheel(clock: clock)
        let target = Target()
        for round in 1...3 {
            _ = wheel.arm(until: instant(5), target, token: UInt64(round))
            await clock.waitForSleepers()
            clock.advance(by: .seconds(3600))
            await target.waitForTokens(round)
        }
        #expect(target.tokens == [1, 2, 3])
    }

    @Test func `an owner serves the wheel, and what is armed when it stops goes on`() async throws {
        let wheel = TimerWheel(clock: clock)
        let target = Target()
        let owner = Task { try await wheel.run() }
        _ = wheel.arm(until: instant(5), target, token: 1)
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(5))
        await target.waitForTokens(1)
        _ = wheel.arm(until: instant(5), target, token: 2)
        await clock.waitForSleepers()
        owner.cancel()
        await #expect(throws: CancellationError.self) { try await owner.value }
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(5))
        await target.waitForTokens(2)
        #expect(target.tokens == [1, 2])
    }

    @Test func `a million timers of 30 s that are armed and cancelled leave memory flat`() {
        let wheel = TimerWheel(clock: clock)
        let target = Target()
        for _ in 0..<1_000_000 {
            wheel.cancel(wheel.arm(until: instant(30_000), target))
        }
        #expect(wheel.count == 0)
        #expect(wheel.slabSize == 1)
        #expect(clock.sleeperCount <= 1)
    }

    @Test func `contended: every timer either fires or is cancelled`() async {
        let wheel = TimerWheel(clock: clock)
        let target = Target()
        let cancelled = await withTaskGroup(of: Int.self) { group in
            for worker in 0..<4 {
                group.addTask { [clock] in
                    let random = MeshRandom(seed: UInt64(worker))
                    var cancelled = 0
                    for step in 0..<5000 {
                        let ticket = wheel.arm(
                            until: clock.now.advanced(by: .milliseconds(random.below(40) + 1)),
                            target,
                            token: UInt64(worker)
                        )
                        if random.below(2) == 0, wheel.cancel(ticket) { cancelled += 1 }
                        if step.isMultiple(of: 16) { clock.advance(by: .milliseconds(3)) }
                    }
                    return cancelled
                }
            }
            return await group.reduce(0, +)
        }
        clock.advance(by: .seconds(1))
        await target.waitForTokens(20_000 - cancelled)
        #expect(target.tokens.count == 20_000 - cancelled)
    }
}
