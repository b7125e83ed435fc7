// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Timers for everything that waits: arming and cancelling one costs a short lock and, once the slab has grown, no
/// allocation and no task.
///
/// A timer is due at the first whole millisecond that is not before its deadline: up to 1 ms late, never early. One task
/// sleeps for all of them. By default the wheel starts it when a timer is armed and it ends when it wakes and finds none;
/// an owner that runs its components calls `run()` instead.
public final class TimerWheel: Sendable {
    private struct Alarm: Sendable {
        var target: any TimerTarget
        var token: UInt64
    }

    private struct State {
        var machine: TimerWheelStateMachine<Alarm>
        /// Somebody serves the wheel: `run()`, or the wheel's own task.
        var isServed = false
        /// When whoever serves the wheel wakes by itself; zero while it is awake and will look again.
        var wakesAt = MeshInstant(nanoseconds: 0)
        /// A timer was armed that is due before `wakesAt`, and nobody has noticed yet.
        var isSignalled = false
        var sleeper: CheckedContinuation<Void, Never>?
    }

    /// The wheel of everything that runs on the system's clock and was given no wheel of its own.
    public static let shared = TimerWheel()

    /// The clock that decides what is due.
    public let clock: any MeshClock
    private let state: Mutex<State>

    /// Creates a wheel.
    public init(clock: any MeshClock = SystemClock()) {
        self.clock = clock
        self.state = Mutex(State(machine: TimerWheelStateMachine(at: clock.now)))
    }

    /// The shared wheel for the system's clock, a wheel of its own for any other clock.
    package static func serving(_ clock: any MeshClock) -> TimerWheel {
        clock is SystemClock ? .shared : TimerWheel(clock: clock)
    }

    /// How many timers are armed.
    public var count: Int { state.withLock { $0.machine.count } }

    /// How many timers fit before the slab grows.
    package var slabSize: Int { state.withLock { $0.machine.slabSize } }

    /// Arms a timer.
    /// - Parameters:
    ///   - deadline: When it is due. An instant in the past is due at the next millisecond.
    ///   - target: Who is told; kept until the timer fires or is cancelled.
    ///   - token: What the target is told.
    /// - Returns: What the timer is cancelled with.
    /// - Complexity: O(1).
    public func arm(until deadline: MeshInstant, _ target: any TimerTarget, token: UInt64 = 0) -> TimerTicket {
        let now = clock.now
        let (ticket, isOrphaned, sleeper) = state.withLock { state in
            let ticket = state.machine.timerArmed(Alarm(target: target, token: token), until: deadline, at: now)
            let isOrphaned = !state.isServed
            state.isServed = true
            return (ticket, isOrphaned, Self.sleeperToWake(&state))
        }
        sleeper?.resume()
        if isOrphaned { serveUntilIdle() }
        return ticket
    }

    /// Cancels a timer.
    /// - Returns: Whether it was armed; `false` if its target was told, or is being told now.
    /// - Complexity: O(1).
    @discardableResult
    public func cancel(_ ticket: TimerTicket) -> Bool {
        // The target is released outside the lock: its last reference may run code that arms a timer.
        let alarm = state.withLock { $0.machine.timerCancelled(ticket) }
        return alarm != nil
    }

    /// Serves the wheel until the task is cancelled: for an owner that runs its components. Where it is served already when
    /// this is called, by its own task or by another owner, it stays so, and this only waits.
    /// - Throws: `CancellationError` when cancelled. Timers that are armed then go on, served by the wheel's own task.
    public func run() async throws {
        let isMine = state.withLock { state in
            guard !state.isServed else { return false }
            state.isServed = true
            return true
        }
        guard isMine else {
            let (stream, continuation) = AsyncStream<Never>.makeStream()
            for await _ in stream {}
            continuation.finish()
            throw CancellationError()
        }
        await serve(untilIdle: false)
        let isOrphaned = state.withLock { state in
            state.isServed = state.machine.count > 0
            return state.isServed
        }
        if isOrphaned { serveUntilIdle() }
        throw CancellationError()
    }

    private func serveUntilIdle() {
        // The wheel owns this task: it is the only one (`isServed`), and it ends by itself when it wakes and finds no timer.
        // Detached, so that it keeps neither the task-local values nor the priority of whoever armed the first timer.
        Task.detached { await self.serve(untilIdle: true) }
    }

    private func serve(untilIdle: Bool) async {
        while untilIdle || !Task.isCancelled {
            var due: [Alarm] = []
            let now = clock.now
            let wake = state.withLock { state -> MeshInstant? in
                state.machine.timePassed(at: now) { due.append($0) }
                // Whoever arms a timer while the targets are told need not wake anybody.
                state.wakesAt = due.isEmpty ? state.machine.nextWake ?? .distantFuture : MeshInstant(nanoseconds: 0)
                guard due.isEmpty, state.machine.count == 0, untilIdle else { return state.wakesAt }
                state.isServed = false
                state.wakesAt = MeshInstant(nanoseconds: 0)
                return nil
            }
            guard let wake else { return }
            if due.isEmpty {
                await pause(until: wake)
            } else {
                for alarm in due { alarm.target.timerFired(alarm.token) }
            }
        }
    }

    /// Sleeps until an instant, or until a timer is armed that is due before it.
    private func pause(until instant: MeshInstant) async {
        await withTaskGroup(of: Void.self) { group in
            if instant != .distantFuture {
                group.addTask { [clock] in try? await clock.sleep(until: instant) }
            }
            group.addTask { await self.earlierTimerArmed() }
            await group.next()
            group.cancelAll()
        }
    }

    private func earlierTimerArmed() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    // A cancellation before this lock has set the task's mark; one after it finds the sleeper.
                    guard !state.isSignalled, !Task.isCancelled else {
                        state.isSignalled = false
                        return true
                    }
                    state.sleeper = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleeper.take() }
            sleeper?.resume()
        }
    }

    private static func sleeperToWake(_ state: inout State) -> CheckedContinuation<Void, Never>? {
        guard let wake = state.machine.nextWake, wake < state.wakesAt else { return nil }
        // Once is enough: whoever wakes looks at everything.
        state.wakesAt = MeshInstant(nanoseconds: 0)
        guard let sleeper = state.sleeper.take() else {
            state.isSignalled = true
            return nil
        }
        return sleeper
    }
}

extension MeshInstant {
    /// The last representable instant, which never comes.
    fileprivate static let distantFuture = MeshInstant(nanoseconds: .max)
}
