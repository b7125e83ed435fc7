// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Makes one call of several different ones that come close together (Hystrix's collapser).
///
/// ```swift
/// let users = try Batching<Int, User>(name: "users") { ids in
///     try await fetchUsers(ids).mapValues { .success($0) }
/// }
/// let user = try await users.run(7)
/// ```
///
/// A batch is sent when it is full or its time is over. It runs in a task of its own, which belongs to none of its callers
/// and has none of their task-local values. Calls for the same key share its result. One key's error fails that key's
/// calls alone. A caller that is cancelled leaves: its key goes with it if nobody else wants it and the batch is not sent,
/// and a batch that nobody waits for any more is cancelled.
public final class Batching<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private typealias Batch = BatchingStateMachine<Key>.Batch

    private struct State {
        var machine: BatchingStateMachine<Key>
        var window: BatchWindow
        var callers: [UInt64: CheckedContinuation<Value, any Error>] = [:]
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var timer: (batch: UInt64, ticket: TimerTicket)?
        var lastCaller: UInt64 = 0
    }

    /// How calls are collected.
    public let configuration: BatchingConfiguration
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public let name: String
    private let observers: ObserverSet
    private let timers: TimerWheel
    private let execute: @Sendable ([Key]) async throws -> [Key: Result<Value, any Error>]
    private let state: Mutex<State>

    /// Creates a batching that collects nothing yet.
    /// - Parameters:
    ///   - timers: The wheel that its timers stand on. By default the shared one, or one of its own for another clock than
    ///     the system's. A wheel brings its clock.
    ///   - execute: Makes the one call: it gets each key once and returns a result for each. A key that it leaves out fails
    ///     with `protocolViolation`; an error that it throws fails every call of the batch.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: BatchingConfiguration = BatchingConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        timers: TimerWheel? = nil,
        execute: @escaping @Sendable (_ keys: [Key]) async throws -> [Key: Result<Value, any Error>]
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            validated: configuration,
            name: name,
            observers: observers,
            timers: timers ?? .serving(clock),
            execute: execute
        )
    }

    package init(
        validated configuration: BatchingConfiguration,
        name: String,
        observers: ObserverSet,
        timers: TimerWheel,
        execute: @escaping @Sendable (_ keys: [Key]) async throws -> [Key: Result<Value, any Error>]
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.timers = timers
        self.execute = execute
        let state = State(machine: BatchingStateMachine(configuration), window: BatchWindow(configuration))
        self.state = Mutex(state)
    }

    /// How many calls wait, for their batch to be sent or for its answer.
    public var waiting: Int { state.withLock { $0.machine.waiting } }
    /// How many batches are under way.
    public var batches: Int { state.withLock { $0.machine.batches } }

    /// The value for a key, out of a batch.
    /// - Throws: The key's error, or what the batch failed with; `MeshError` with code `overflow` if too many calls wait;
    ///   `CancellationError` at once if this caller is cancelled.
    /// - Complexity: O(1), O(keys) when a key leaves its batch; a call allocates a continuation and its places in
    ///   dictionaries, a batch its task.
    public func run(_ key: Key) async throws -> Value {
        guard configuration.mode == .enforce else { return try await runAlone(key) }
        let caller = state.withLock { state in
            state.lastCaller += 1
            return state.lastCaller
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                let arrival = state.withLock { state -> BatchingStateMachine<Key>.Arrival? in
                    // A cancellation before this lock has set the task's mark; one after it finds the continuation.
                    guard !Task.isCancelled else { return nil }
                    let arrival = state.machine.callCame(caller, for: key)
                    if arrival != .refused { state.callers[caller] = continuation }
                    return arrival
                }
                switch arrival {
                case nil: continuation.resume(throwing: CancellationError())
                case .refused: continuation.resume(throwing: refused())
                case .waits: break
                case .opens(let number): arm(number)
                case .fills(let batch): send(batch)
                }
            }
        } onCancel: {
            leave(caller)
        }
    }

    /// The modes that collect nothing: the call is a batch of its own, on the caller's task.
    private func runAlone(_ key: Key) async throws -> Value {
        if configuration.mode == .observe {
            let now = timers.clock.now
            if state.withLock({ $0.window.callCame(at: now) }) { tell(.batched, because: .deadline) }
        }
        return try (try await execute([key])[key] ?? .failure(Self.missing)).get()
    }

    private func arm(_ number: UInt64) {
        let deadline = timers.clock.now.advanced(by: configuration.maximumDelay)
        let ticket = timers.arm(until: deadline, BatchTimer(self), token: number)
        let stale = state.withLock { state -> TimerTicket? in
            // A batch that came after this one has its own timer, which is the later one.
            if let timer = state.timer, timer.batch > number { return ticket }
            defer { state.timer = (number, ticket) }
            return state.timer?.ticket
        }
        if let stale { timers.cancel(stale) }
    }

    fileprivate func timeIsOver(_ number: UInt64) {
        if let batch = state.withLock({ $0.machine.timerFired(number) }) { send(batch) }
    }

    private func send(_ batch: Batch) {
        if batch.calls > 1 { tell(.batched, because: batch.reason) }
        cancelTimer(of: batch.number)
        // The batch owns the task: it is cancelled when its last caller leaves, and ends in `end`, which empties the state.
        // Detached, because it belongs to every caller and inherits from none; nor is it begun on the timer wheel's task.
        let task = Task.detached { [self] in
            do {
                end(batch.number, .success(try await execute(batch.keys)))
            } catch {
                end(batch.number, .failure(error))
            }
        }
        let isOver = state.withLock { state in
            guard state.machine.isUnderWay(batch.number) else { return true }
            state.tasks[batch.number] = task
            return false
        }
        // It has ended, or every caller has left before its task was known.
        if isOver { task.cancel() }
    }

    private func end(_ number: UInt64, _ results: Result<[Key: Result<Value, any Error>], any Error>) {
        let answered = state.withLock { state in
            state.tasks[number] = nil
            return state.machine.batchEnded(number).compactMap { caller, key in
                state.callers.removeValue(forKey: caller).map { (continuation: $0, key: key) }
            }
        }
        for (continuation, key) in answered {
            switch results {
            case .success(let results): continuation.resume(with: results[key] ?? .failure(Self.missing))
            case .failure(let error): continuation.resume(throwing: error)
            }
        }
    }

    private func leave(_ caller: UInt64) {
        let (departure, continuation, task) = state.withLock { state in
            let departure = state.machine.callerLeft(caller)
            let task: Task<Void, Never>? =
                if case .abandons(let number) = departure { state.tasks.removeValue(forKey: number) } else { nil }
            return (departure, state.callers.removeValue(forKey: caller), task)
        }
        if case .closes(let number) = departure { cancelTimer(of: number) }
        continuation?.resume(throwing: CancellationError())
        task?.cancel()
    }

    private func cancelTimer(of number: UInt64) {
        let ticket = state.withLock { state -> TimerTicket? in
            guard let timer = state.timer, timer.batch == number else { return nil }
            state.timer = nil
            return timer.ticket
        }
        if let ticket { timers.cancel(ticket) }
    }

    private func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.batch, name: name, action, because: reason, isEnforced: isEnforced)
    }

    private func refused() -> MeshError {
        tell(.refused, because: .queueFull)
        return MeshError(
            .overflow,
            origin: .local,
            message: "\(configuration.maximumWaiting) calls wait for their batch",
            reason: .queueFull
        )
    }

    private static var missing: MeshError {
        MeshError(
            .protocolViolation,
            origin: .upstream,
            requestState: .answered,
            message: "the batch has no result for the key"
        )
    }
}

/// Tells a batching that its time is over, so that being told is no part of its interface.
private final class BatchTimer<Key: Hashable & Sendable, Value: Sendable>: TimerTarget {
    private let owner: Batching<Key, Value>

    init(_ owner: Batching<Key, Value>) {
        self.owner = owner
    }

    func timerFired(_ token: UInt64) {
        owner.timeIsOver(token)
    }
}
