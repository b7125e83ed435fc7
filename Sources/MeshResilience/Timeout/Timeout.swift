// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Runs an operation and cancels it when it takes too long; usable alone around any async closure.
///
/// ```swift
/// let timeout = try Timeout(TimeoutConfiguration(duration: .milliseconds(200)), name: "reviews")
/// let page = try await timeout.run { try await fetch(page: 7) }
/// ```
///
/// `run` is cooperative: the operation ends when it notices its cancellation, and `run` waits for that. `runAbandoning`
/// walks away. Inside a mesh nothing of this is used: there a deadline is a value that the transport enforces.
public final class Timeout: Sendable {
    /// How long the operation may take.
    public let configuration: TimeoutConfiguration
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public let name: String
    private let observers: ObserverSet
    private let timers: TimerWheel
    private let abandoned: AbandonedWork

    /// Creates a timeout.
    /// - Parameters:
    ///   - timers: The wheel that its timers stand on. By default the shared one, or one of its own for another clock than
    ///     the system's. A wheel brings its clock.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: TimeoutConfiguration = TimeoutConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        timers: TimerWheel? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, timers: timers ?? .serving(clock))
    }

    /// Creates a timeout of that duration.
    /// - Precondition: `duration` is greater than zero and at most 365 days.
    public convenience init(_ duration: Duration, clock: any MeshClock = SystemClock()) {
        let configuration = TimeoutConfiguration(duration: Nanoseconds(duration))
        let isValid = (try? configuration.validate()) != nil
        precondition(isValid, "a timeout must be greater than 0 and at most 365 days")
        self.init(validated: configuration, name: "", observers: .none, timers: .serving(clock))
    }

    package init(
        validated configuration: TimeoutConfiguration,
        name: String,
        observers: ObserverSet,
        timers: TimerWheel
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.timers = timers
        self.abandoned = AbandonedWork(maximum: configuration.maximumAbandoned)
    }

    /// How many operations go on that `runAbandoning` walked away from.
    public var abandonedOperations: Int { abandoned.count }

    /// Runs an operation under the timeout, cancels it when the time is up, and waits until it has ended.
    ///
    /// A value that comes late is returned all the same: it is there, and throwing it away helps nobody. An error that
    /// comes late is taken for the operation's answer to its cancellation, whatever its type.
    ///
    /// The operation runs in a task of its own, which is what can be cancelled apart from the caller; it starts at once, on
    /// the caller's thread where the system allows it.
    /// - Throws: `MeshError` with code `deadlineExceeded` when the time is up, with the operation's error as its cause; the
    ///   operation's own error when it ends in time or when the caller is cancelled; `CancellationError`, and nothing is
    ///   run, if the caller was cancelled before.
    /// - Complexity: O(1); it allocates the task, its closure and the call's state.
    public func run<Value: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let (result, isLate) = try await outcome(of: operation)
        if isLate, case .failure(let error) = result { throw timedOut(cause: error) }
        return try result.get()
    }

    /// Runs an operation as `run` does, and says what it came to and whether its time was up before it ended: its error
    /// alone does not say whose time that was.
    func outcome<Value: Sendable>(
        of operation: @escaping @Sendable () async throws -> Value
    ) async throws -> (result: Result<Value, any Error>, isLate: Bool) {
        guard configuration.mode == .enforce else { return (.success(try await runWatched(operation)), false) }
        try Task.checkCancellation()
        let call = TimedCall<Value>()
        let timer = timers.arm(until: timers.clock.now.advanced(by: configuration.duration), call)
        // This function owns the task: it cancels it when the caller is cancelled or the time is up, and awaits it always.
        let task = Task<Value, any Error>.eager(operation)
        call.started(task)
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            call.callerCancelled()
        }
        timers.cancel(timer)
        let isLate = call.ended() == .late
        if isLate { tellTimedOut() }
        return (result, isLate)
    }

    /// Runs an operation under the timeout and walks away from it when the time is up, or when the caller is cancelled,
    /// even if it goes on.
    ///
    /// It leaks by design: an operation that ignores its cancellation keeps its task, and everything that it holds, until
    /// it ends by itself. `abandonedOperations` says how many do. When there are `maximumAbandoned` of them no caller walks
    /// away any more (a call that is under way waits as `run` does), and further calls are refused. Prefer `run`.
    /// - Parameter dispose: What is done with a value that nobody waits for any more; called from any thread.
    /// - Throws: As `run`; `MeshError` with code `overflow` when too many operations go on that nobody waits for.
    /// - Complexity: O(1); it allocates the task, its closure, the call's state and a continuation.
    public func runAbandoning<Value: Sendable>(
        dispose: (@Sendable (Value) -> Void)? = nil,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard configuration.mode == .enforce else { return try await runWatched(operation) }
        try Task.checkCancellation()
        if configuration.maximumAbandoned > 0, abandoned.isFull { throw refused() }
        let call = AbandonableCall<Value>(abandoned: abandoned, dispose: dispose)
        let timer = timers.arm(until: timers.clock.now.advanced(by: configuration.duration), call)
        // `call` owns the task: it cancels it when its caller walks away, counts it from then on, and disposes of its value.
        let task = Task<Void, Never>.eager {
            do {
                call.operationEnded(.success(try await operation()))
            } catch {
                call.operationEnded(.failure(error))
            }
        }
        call.started(task)
        let answer = await withTaskCancellationHandler {
            await call.answer()
        } onCancel: {
            call.callerCancelled()
        }
        timers.cancel(timer)
        switch answer {
        case .left(isTimeout: true):
            tellTimedOut()
            throw timedOut(cause: nil)
        case .left(isTimeout: false):
            throw CancellationError()
        case .ended(let result, let ending):
            if ending == .late {
                tellTimedOut()
                if case .failure(let error) = result { throw timedOut(cause: error) }
            }
            return try result.get()
        }
    }

    /// The modes that touch nothing: the operation runs where the caller runs.
    private func runWatched<Value>(_ operation: () async throws -> Value) async throws -> Value {
        guard configuration.mode == .observe else { return try await operation() }
        let deadline = Deadline(configuration.duration, after: timers.clock.now)
        defer {
            // A caller that gave up says nothing about the time that the operation would have taken.
            if deadline.hasPassed(at: timers.clock.now), !Task.isCancelled { tellTimedOut() }
        }
        return try await operation()
    }

    private func tellTimedOut() {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.timeout, name: name, .timedOut, because: .deadline, isEnforced: isEnforced)
    }

    /// Its origin is what was waited for and did not answer: breakers and admission control count what a peer caused, and
    /// a peer that is too slow has failed.
    func timedOut(cause: (any Error)?) -> MeshError {
        MeshError(
            .deadlineExceeded,
            origin: .upstream,
            requestState: .maybeSent,
            message: "the operation took longer than \(configuration.duration.duration)",
            cause: cause,
            reason: .deadline
        )
    }

    private func refused() -> MeshError {
        observers.policyActed(.timeout, name: name, .refused, because: .limit)
        return MeshError(
            .overflow,
            origin: .local,
            message: "\(configuration.maximumAbandoned) operations that nobody waits for still go on",
            reason: .limit
        )
    }
}
