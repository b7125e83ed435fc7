// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Begins an operation a second time when the first is slow, and takes the first good answer; usable alone around any
/// async closure.
///
/// ```swift
/// let hedging = try Hedging(HedgingConfiguration(delay: .percentile(HedgingPercentile(0.95))), name: "reviews")
/// let page = try await hedging.run { attempt in try await fetch(page: 7) }
/// ```
///
/// Attempts run in tasks of their own. Those that lose are cancelled and not waited for; a value that comes too late is
/// handed to `dispose`.
public final class Hedging: Sendable {
    /// When a call is hedged.
    public let configuration: HedgingConfiguration
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public let name: String
    /// The budget that hedges share with retries: hedging only withdraws from it. `nil` for none.
    public let budget: RetryBudget?
    /// The budget of hedges alone: each call deposits into it. `nil` for none.
    public let ownBudget: RetryBudget?
    /// Whether any call is hedged.
    @usableFromInline let isEnabled: Bool
    @usableFromInline let hedgesNonIdempotent: Bool
    let timers: TimerWheel
    private let observers: ObserverSet
    private let delays: Mutex<HedgingDelayStateMachine>

    /// Creates hedging that has seen no call.
    /// - Parameters:
    ///   - budget: What limits hedges and retries together. A hedge withdraws from it and from its own; either that is
    ///     empty prevents it. (As in Finagle, what the first of them gave is not put back when the second refuses.)
    ///   - timers: The wheel that its timers stand on. By default the shared one, or one of its own for another clock than
    ///     the system's. A wheel brings its clock.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: HedgingConfiguration = HedgingConfiguration(),
        budget: RetryBudget? = nil,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        timers: TimerWheel? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            validated: configuration,
            budget: budget,
            name: name,
            observers: observers,
            timers: timers ?? .serving(clock)
        )
    }

    package init(
        validated configuration: HedgingConfiguration,
        budget: RetryBudget?,
        name: String,
        observers: ObserverSet,
        timers: TimerWheel
    ) {
        self.configuration = configuration
        self.isEnabled = configuration.mode != .disabled && configuration.maximumAttempts > 1
        self.hedgesNonIdempotent = configuration.hedgesNonIdempotent
        self.name = name
        self.budget = budget
        self.ownBudget = configuration.ownBudget.map { RetryBudget(validated: $0, cluster: name) }
        self.timers = timers
        self.observers = observers
        self.delays = Mutex(HedgingDelayStateMachine(configuration.delay, at: timers.clock.now))
    }

    /// The delay in force; `nil` while no call is hedged for being slow.
    public var currentDelay: Nanoseconds? {
        let now = timers.clock.now
        return delays.withLock { $0.currentDelay(at: now) }
    }

    /// Runs an operation, and again beside it while it is slow or when it fails.
    ///
    /// Whether running it twice is harmless only its owner knows: say so with `isIdempotent`.
    /// - Parameters:
    ///   - isIdempotent: Whether running it twice does no more than running it once; otherwise it runs once. Default `true`.
    ///   - isFailure: Which results another attempt may better. By default every error but a cancellation. An error that
    ///     carries `MeshError.retryAfter` delays the next attempt by that much.
    ///   - dispose: What is done with a value that lost; called from any thread, once for each.
    ///   - operation: What to run; it gets the attempt's number, from 1.
    /// - Throws: What the last attempt to fail threw; `CancellationError` at once when the caller is cancelled.
    /// - Complexity: O(attempts); each attempt allocates its task, and each call its state, closures and a continuation.
    public func run<Value: Sendable>(
        isIdempotent: Bool = true,
        isFailure: (@Sendable (Result<Value, any Error>) -> Bool)? = nil,
        dispose: (@Sendable (Value) -> Void)? = nil,
        _ operation: @escaping @Sendable (_ attempt: Int) async throws -> Value
    ) async throws -> Value {
        guard isIdempotent, configuration.maximumAttempts > 1 else { return try await operation(1) }
        guard configuration.mode == .enforce else { return try await runWatched(operation) }
        let honorsPushback = configuration.honorsPushback
        let disposeResult = dispose.map { dispose in
            { @Sendable (result: Result<Value, any Error>) in
                if case .success(let value) = result { dispose(value) }
            }
        }
        return try await race(
            verdict: { Self.verdict($0, isFailure: isFailure, honorsPushback: honorsPushback) },
            dispose: disposeResult,
            operation
        ).get()
    }

    func race<Value: Sendable>(
        verdict: @escaping @Sendable (Result<Value, any Error>) -> HedgeVerdict,
        dispose: (@Sendable (Result<Value, any Error>) -> Void)?,
        _ attempt: @escaping @Sendable (Int) async throws -> Value
    ) async -> Result<Value, any Error> {
        if Task.isCancelled { return .failure(CancellationError()) }
        let delay = callBegan()
        return await HedgedCall(self, delay: delay, verdict: verdict, dispose: dispose, attempt: attempt).run()
    }

    /// A call that is only watched.
    struct Watch: Sendable {
        let began: MeshInstant
        let delay: Nanoseconds?
    }

    func watchBegan() -> Watch {
        Watch(began: timers.clock.now, delay: callBegan())
    }

    /// Says what would have been done for a call that was only watched.
    func watchEnded(_ watch: Watch, error: (any Error)? = nil) {
        guard !Task.isCancelled, error.map(Self.isWorthAnother) ?? true else { return }
        let now = timers.clock.now
        let latency = now.elapsed(since: watch.began)
        delays.withLock { $0.attemptEnded(after: latency, at: now) }
        let reason: PolicyDecision.Reason
        if let delay = watch.delay, latency > delay || delay == .zero {
            reason = .latency
        } else if error != nil, configuration.hedgesFailures {
            reason = .failure
        } else {
            return
        }
        // What a dry run took of the shared budget would be missing for those that are enforced beside it; its own budget
        // nobody else has.
        let isAffordable = ownBudget?.withdraw(at: now) ?? true && budget?.allows(at: now) ?? true
        tell(isAffordable ? .hedged : .refused, because: isAffordable ? reason : .budget)
    }

    /// The modes that begin nothing: the operation runs where the caller runs.
    private func runWatched<Value>(_ operation: (_ attempt: Int) async throws -> Value) async throws -> Value {
        guard configuration.mode == .observe else { return try await operation(1) }
        let watch = watchBegan()
        do {
            let value = try await operation(1)
            watchEnded(watch)
            return value
        } catch {
            watchEnded(watch, error: error)
            throw error
        }
    }

    private func callBegan() -> Nanoseconds? {
        let now = timers.clock.now
        ownBudget?.deposit(at: now)
        return delays.withLock { $0.currentDelay(at: now) }
    }

    /// The time that the first attempt took. When another won it is the time after which it was cancelled: less than it
    /// would have taken, and much more than leaving it out would say.
    func firstAttemptEnded(began: MeshInstant) {
        let now = timers.clock.now
        delays.withLock { $0.attemptEnded(after: now.elapsed(since: began), at: now) }
    }

    /// What the budgets say to one attempt more.
    enum Withdrawal: Sendable {
        case refused
        /// Granted, with the place that it holds in the shared budget, if there is one.
        case granted(HeldPermit?)
    }

    func withdraw() -> Withdrawal {
        let now = timers.clock.now
        guard ownBudget?.withdraw(at: now) ?? true else { return .refused }
        guard let budget else { return .granted(nil) }
        guard let permit = budget.permit(at: now) else { return .refused }
        return .granted(HeldPermit(permit))
    }

    /// An attempt failed and its call goes on. (How the call ends the retries above tell the shared budget.)
    func attemptFailed() {
        budget?.attemptFailed()
    }

    func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.hedge, name: name, action, because: reason, isEnforced: isEnforced)
    }

    private static func verdict<Value>(
        _ result: Result<Value, any Error>,
        isFailure: (@Sendable (Result<Value, any Error>) -> Bool)?,
        honorsPushback: Bool
    ) -> HedgeVerdict {
        switch result {
        case .success: return isFailure?(result) == true ? .failure(.none) : .answer
        case .failure(let error):
            guard isFailure?(result) ?? isWorthAnother(error) else { return .answer }
            guard honorsPushback, let wait = (error as? MeshError)?.retryAfter else { return .failure(.none) }
            return .failure(.wait(wait))
        }
    }

    /// Whether another attempt may do better than this error: not when the caller is the reason.
    static func isWorthAnother(_ error: any Error) -> Bool {
        !(error is CancellationError) && (error as? MeshError)?.origin != .downstream
    }
}
