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
    private struct Caller {
        var continuation: CheckedContinuation<Value, any Error>
        var timer: TimerTicket?
    }

    private struct State {
        var machine = CoalescingStateMachine<Key>()
        var callers: [UInt64: Caller] = [:]
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var lastCaller: UInt64 = 0
    }

    /// Whether it acts.
    public let configuration: CoalescingConfiguration
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public let name: String
    private let observers: ObserverSet
    private let timers: TimerWheel
    private let state = Mutex(State())

    /// Creates a coalescing under which nothing is under way.
    /// - Parameter timers: The wheel that callers' deadlines stand on. By default the shared one, or one of its own for
    ///   another clock than the system's. A wheel brings its clock.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: CoalescingConfiguration = CoalescingConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        timers: TimerWheel? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, timers: timers ?? .serving(clock))
    }

    package init(
        validated configuration: CoalescingConfiguration,
        name: String,
        observers: ObserverSet,
        timers: TimerWheel
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.timers = timers
    }

    /// How many calls are under way.
    public var flights: Int { state.withLock { $0.machine.count } }
    /// How many callers wait for them.
    public var callers: Int { state.withLock { $0.machine.callers } }

    /// Runs an operation, or waits for the equal one that is under way.
    /// - Parameters:
    ///   - key: What makes calls equal.
    ///   - deadline: When this caller stops waiting; the others go on.
    ///   - operation: What to run if none is under way.
    /// - Throws: What the operation throws, to everybody who waits; `CancellationError` at once if this caller is
    ///   cancelled; `MeshError` with code `deadlineExceeded` when its deadline passes.
    /// - Complexity: O(1). A caller allocates a continuation, a leader a task.
    public func run(
        _ key: Key,
        deadline: Deadline = .never,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        switch configuration.mode {
        case .disabled: return try await operation()
        case .observe:
            let flight = watchBegan(key)
            defer { watchEnded(flight) }
            return try await operation()
        case .enforce: break
        }
        let caller = newCaller()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                let arrival = state.withLock { state -> CoalescingStateMachine<Key>.Arrival? in
                    // A cancellation before this lock has set the task's mark; one after it finds the continuation.
                    guard !Task.isCancelled else { return nil }
                    state.callers[caller] = Caller(continuation: continuation)
                    return state.machine.callerCame(caller, for: key)
                }
                if arrival != nil, !deadline.isNever { arm(caller, until: deadline) }
                switch arrival {
                case nil: continuation.resume(throwing: CancellationError())
                case .joins: tellJoined()
                case .leads(let flight): begin(flight, operation)
                }
            }
        } onCancel: {
            leave(caller, CancellationError())
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
        for caller in waiting {
            if let timer = caller.timer { timers.cancel(timer) }
            caller.continuation.resume(with: result)
        }
    }

    private func arm(_ number: UInt64, until deadline: Deadline) {
        let ticket = timers.arm(until: deadline.instant, CallerTimer(self), token: number)
        let isOver = state.withLock { state in
            state.callers[number]?.timer = ticket
            return state.callers[number] == nil
        }
        if isOver { timers.cancel(ticket) }
    }

    fileprivate func deadlinePassed(_ caller: UInt64) {
        let error = MeshError(
            .deadlineExceeded,
            origin: .local,
            requestState: .maybeSent,
            message: "the deadline passed while an equal call was under way",
            reason: .deadline
        )
        leave(caller, error)
    }

    private func leave(_ number: UInt64, _ error: any Error) {
        let (caller, task) = state.withLock { state -> (Caller?, Task<Void, Never>?) in
            let abandoned = state.machine.callerLeft(number)
            let task = abandoned.flatMap { state.tasks.removeValue(forKey: $0) }
            return (state.callers.removeValue(forKey: number), task)
        }
        if let timer = caller?.timer { timers.cancel(timer) }
        caller?.continuation.resume(throwing: error)
        task?.cancel()
    }

    /// Whoever comes while a first one runs would have joined it.
    /// - Returns: The flight that begins, for `watchEnded`; `nil` if the call would have joined one.
    func watchBegan(_ key: Key) -> UInt64? {
        let caller = newCaller()
        let arrival = state.withLock { $0.machine.callerCame(caller, for: key, isPinned: true) }
        if case .leads(let flight) = arrival { return flight }
        tellJoined()
        return nil
    }

    func watchEnded(_ flight: UInt64?) {
        guard let flight else { return }
        state.withLock { _ = $0.machine.flightEnded(flight) }
    }

    private func tellJoined() {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.coalescing, name: name, .joined, because: .duplicate, isEnforced: isEnforced)
    }
}

/// Tells a coalescing that a caller's deadline has passed, so that being told is no part of its interface.
private final class CallerTimer<Key: Hashable & Sendable, Value: Sendable>: TimerTarget {
    private let owner: Coalescing<Key, Value>

    init(_ owner: Coalescing<Key, Value>) {
        self.owner = owner
    }

    func timerFired(_ token: UInt64) {
        owner.deadlinePassed(token)
    }
}
