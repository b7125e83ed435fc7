// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Counts the requests that a server has under way, and takes the server out of service without losing one.
///
/// One value is shared by everything that serves at one address: the inbound stack counts in it, server adapters look at
/// it, and whoever hears of the process's end moves it on:
/// 1. `beginDraining`: readiness answers 503, responses ask their connections to close, the control plane is told; the
///    server serves on, because callers have not heard yet.
/// 2. `beginStopping`: the server takes no new connections, and ends when what it has in hand is done.
public final class ServerDrain: Sendable {
    /// How far a server is with its end.
    public enum Phase: Hashable, Sendable {
        /// It serves.
        case serving
        /// It serves on while callers are told to go elsewhere.
        case draining
        /// It takes nothing new and finishes what it has.
        case stopping
    }

    private struct State {
        var machine = ServerDrainStateMachine()
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())
    private let underWay = Atomic<Int>(0)
    // Copies of what the lock guards, for the request path.
    private let leaves = Atomic<Bool>(false)
    private let isIdleAwaited = Atomic<Bool>(false)

    /// Creates the state of a server that serves.
    public init() {}

    /// How far the server is with its end.
    public var phase: Phase { state.withLock { $0.machine.phase } }

    /// Whether the server is on its way out. Costs one atomic load.
    public var isDraining: Bool { leaves.load(ordering: .relaxed) }

    /// How many requests are under way.
    public var requestsUnderWay: Int { underWay.load(ordering: .relaxed) }

    /// Begins the end: callers are told to go elsewhere. Does nothing the second time.
    public func beginDraining() {
        leaves.store(true, ordering: .relaxed)
        resume { $0.drainingBegan() }
    }

    /// Ends the taking of new work. Does nothing the second time.
    public func beginStopping() {
        leaves.store(true, ordering: .relaxed)
        resume { $0.stoppingBegan() }
    }

    /// Waits until the server is on its way out.
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func untilDraining() async throws { try await wait(for: .draining) }

    /// Waits until the server takes nothing new.
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func untilStopping() async throws { try await wait(for: .stopping) }

    /// Waits for a moment without any request under way.
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func untilIdle() async throws { try await wait(for: .idle) }

    /// Waits for a moment without any request under way, for as long as `grace`.
    /// - Returns: Whether it came.
    /// - Throws: `CancellationError` if the task is cancelled first.
    @discardableResult
    public func untilIdle(within grace: Nanoseconds, clock: any MeshClock) async throws -> Bool {
        let end = clock.now.advanced(by: grace)
        return try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.untilIdle()
                return true
            }
            group.addTask {
                try await clock.sleep(until: end)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    // MARK: Requests

    /// A request has come in. Server adapters without an inbound stack call it; `InboundStack.begin` does, too.
    public func requestStarted() {
        underWay.wrappingAdd(1, ordering: .relaxed)
    }

    /// A request that was counted is over: its response was written, or never will be.
    public func requestEnded() {
        // Sequentially consistent, like the waiter's store and load: one of the two sees the other.
        guard underWay.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0,
            isIdleAwaited.load(ordering: .sequentiallyConsistent)
        else { return }
        resume { machine in
            isIdleAwaited.store(false, ordering: .sequentiallyConsistent)
            return machine.becameIdle()
        }
    }

    // MARK: Waiting

    private func resume(_ event: (inout ServerDrainStateMachine) -> [UInt64]) {
        let waiters = state.withLock { state in
            event(&state.machine).compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters { waiter.resume() }
    }

    private func wait(for milestone: ServerDrainStateMachine.Milestone) async throws {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let waits = state.withLock { state in
                    guard !Task.isCancelled else { return false }
                    if milestone == .idle { isIdleAwaited.store(true, ordering: .sequentiallyConsistent) }
                    let isIdle = underWay.load(ordering: .sequentiallyConsistent) == 0
                    guard state.machine.awaited(milestone, by: id, isIdle: isIdle) else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                state.machine.gaveUp(id)
                return state.waiters.removeValue(forKey: id)
            }?.resume()
        }
        try Task.checkCancellation()
    }
}
