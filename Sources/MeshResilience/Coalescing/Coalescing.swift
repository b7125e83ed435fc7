// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Makes one call of equal calls that overlap (single flight); usable alone around any async closure.
///
/// ```swift
/// let coalescing = try Coalescing<Int, Page>(name: "reviews")
/// let page = try await coalescing.run(7) { try await fetch(page: 7) }
/// ```
///
/// The first caller's operation runs in a task of its own, which inherits that caller's task-local values (trace, inbound
/// deadline) and priority; those who join get its result, be it a value or an error. A caller that is cancelled leaves
/// alone; when the last one leaves, the task is cancelled.
public final class Coalescing<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var machine = CoalescingStateMachine<Key>()
        var callers: [UInt64: CheckedContinuation<Value, any Error>] = [:]
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var lastCaller: UInt64 = 0
    }

    /// Whether it acts.
    public let configuration: CoalescingConfiguration
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public let name: String
    private let observers: ObserverSet
    private let state = Mutex(State())

    /// Creates a coalescing under which nothing is under way.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: CoalescingConfiguration = CoalescingConfiguration(),
        name: String = "",
        observers: ObserverSet = .none
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers)
    }

    package init(validated configuration: CoalescingConfiguration, name: String, observers: ObserverSet) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
    }

    /// How many calls are under way.
    public var flights: Int { state.withLock { $0.machine.count } }
    /// How many callers wait for them.
    public var callers: Int { state.withLock { $0.machine.callers } }

    /// Runs an operation, or waits for the equal one that is under way.
    /// - Parameters:
    ///   - key: What makes calls equal.
    ///   - operation: What to run if none is under way.
    /// - Throws: What the operation throws, to everybody who waits; `CancellationError` at once if this caller is cancelled.
    /// - Complexity: O(1). A caller allocates a continuation, a leader a task.
    public func run(_ key: Key, _ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
        switch configuration.mode {
        case .disabled: return try await operation()
        case .observe: return try await watch(key, operation)
        case .enforce: break
        }
        let caller = newCaller()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                let arrival = state.withLock { state -> CoalescingStateMachine<Key>.Arrival? in
                    // A cancellation before this lock has set the task's mark; one after it finds the continuation.
                    guard !Task.isCancelled else { return nil }
                    state.callers[caller] = continuation
                    return state.machine.callerCame(caller, for: key)
                }
                switch arrival {
                case nil: continuation.resume(throwing: CancellationError())
                case .joins: tellJoined()
                case .leads(let flight): begin(flight, operation)
                }
            }
        } onCancel: {
            leave(caller)
        }
    }

    /// Runs an operation that nobody waits for, unless an equal one is under way; who comes meanwhile joins it.
    func refresh(_ key: Key, _ operation: @escaping @Sendable () async throws -> Value) {
        let caller = newCaller()
        let arrival = state.withLock { $0.machine.callerCame(caller, for: key, isPinned: true) }
        // Not on this caller's thread: it has its answer and is not to be kept from it.
        if case .leads(let flight) = arrival { begin(flight, isEager: false, operation) }
    }

    /// Lets the next call for a key run anew though one is under way, whose result is out of date by now; those who wait
    /// for that one still get it.
    public func forget(_ key: Key) {
        state.withLock { $0.machine.keyForgotten(key) }
    }

    /// The same for every key.
    public func forgetAll() {
        state.withLock { $0.machine.keysForgotten() }
    }

    private func newCaller() -> UInt64 {
        state.withLock { state in
            state.lastCaller += 1
            return state.lastCaller
        }
    }

    private func begin(
        _ flight: UInt64,
        isEager: Bool = true,
        _ operation: @escaping @Sendable () async throws -> Value
    ) {
        let work: @Sendable () async -> Void = { [self] in
            do {
                end(flight, .success(try await operation()))
            } catch {
                end(flight, .failure(error))
            }
        }
        // The flight owns the task: it is cancelled when the last caller leaves, and ends in `end`, which empties the state.
        let task = isEager ? Task<Void, Never>.eager(work) : Task { await work() }
        let isOver = state.withLock { state in
            guard state.machine.isUnderWay(flight) else { return true }
            state.tasks[flight] = task
            return false
        }
        // It has ended, or every caller has left before its task was known.
        if isOver { task.cancel() }
    }

    private func end(_ flight: UInt64, _ result: Result<Value, any Error>) {
        let waiting = state.withLock { state in
            state.tasks[flight] = nil
            return state.machine.flightEnded(flight).compactMap { state.callers.removeValue(forKey: $0) }
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    private func leave(_ caller: UInt64) {
        let (continuation, task) = state.withLock {
            state -> (CheckedContinuation<Value, any Error>?, Task<Void, Never>?) in
            let abandoned = state.machine.callerLeft(caller)
            let task = abandoned.flatMap { state.tasks.removeValue(forKey: $0) }
            return (state.callers.removeValue(forKey: caller), task)
        }
        continuation?.resume(throwing: CancellationError())
        task?.cancel()
    }

    /// Everybody runs; whoever comes while a first one runs would have joined it.
    private func watch(_ key: Key, _ operation: () async throws -> Value) async throws -> Value {
        let caller = newCaller()
        let arrival = state.withLock { $0.machine.callerCame(caller, for: key, isPinned: true) }
        guard case .leads(let flight) = arrival else {
            tellJoined()
            return try await operation()
        }
        defer { state.withLock { _ = $0.machine.flightEnded(flight) } }
        return try await operation()
    }

    private func tellJoined() {
        guard !observers.isEmpty else { return }
        let isEnforced = configuration.mode == .enforce
        let decision = PolicyDecision(.coalescing, name: name, .joined, because: .duplicate, isEnforced: isEnforced)
        observers.noticed(.policyActed(decision))
    }
}
