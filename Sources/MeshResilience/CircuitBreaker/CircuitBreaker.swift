// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A circuit breaker that many calls share; usable alone around any async closure.
///
/// ```swift
/// let breaker = try CircuitBreaker(CircuitBreakerConfiguration(failureRate: 0.5, minimumCalls: 10), name: "reviews")
/// let answer = try await breaker.run { try await call() }
/// ```
/// A call that passes a closed breaker costs one atomic load before it and one short lock after it, and allocates
/// nothing. A refused call allocates nothing either: the error is made once, and again only when the whole second to
/// which its `retryAfter` is rounded up, or the reason, has changed.
public final class CircuitBreaker: Sendable {
    /// When it opens and closes.
    public let configuration: CircuitBreakerConfiguration
    /// What it stands on; observers are told.
    public let name: String

    let clock: any MeshClock
    private let random: MeshRandom
    private let observers: ObserverSet
    private let classifier: ResponseClassifier
    private let onChange: (@Sendable (Change) -> Void)?
    /// Whether a response says more to it than its status does.
    @usableFromInline let readsFields: Bool
    private let isTimed: Bool
    /// Whether a success that leaves the state alone does not care when it was.
    private let isTimeless: Bool
    private let guarded: Mutex<Guarded>
    /// The machine's `commonPermit`, for those who do not wait for the lock: what they read may be over by the time that
    /// they use it, exactly as if they had asked a moment earlier.
    private let commonPermit: Atomic<UInt64>
    let listeners = Listeners()

    fileprivate struct Guarded {
        var machine: CircuitBreakerStateMachine
        var refusal: Refusal?
    }

    /// Creates a breaker.
    /// - Parameters:
    ///   - configuration: When it opens and closes.
    ///   - name: What it stands on, for observers.
    ///   - observers: Hear of refusals and of changes of state.
    ///   - clock: Measures time.
    ///   - random: Throws the dice for jitter.
    ///   - classifier: Decides what an error that `run` sees counts as.
    ///   - onChange: Is told of each change of state, outside the breaker's lock.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: CircuitBreakerConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom(),
        classifier: ResponseClassifier = .standard,
        onChange: (@Sendable (Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            validated: configuration,
            name: name,
            observers: observers,
            clock: clock,
            random: random,
            classifier: classifier,
            onChange: onChange
        )
    }

    /// Creates a breaker from a configuration that was checked where it came in.
    package init(
        validated configuration: CircuitBreakerConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom(),
        classifier: ResponseClassifier = .standard,
        onChange: (@Sendable (Change) -> Void)? = nil
    ) {
        let machine = CircuitBreakerStateMachine(configuration, at: clock.now)
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.random = random
        self.classifier = classifier
        self.onChange = onChange
        self.readsFields = configuration.recognizesOverload || configuration.maximumRetryAfter > .zero
        self.isTimed = configuration.slowCallRate != nil
        self.isTimeless =
            (configuration.callWindow != nil || configuration.window == .forever)
            && configuration.slowCallRate == nil && !configuration.opensOnAnyCall
        self.commonPermit = Atomic(machine.commonPermit)
        self.guarded = Mutex(Guarded(machine: machine))
    }

    /// Asks whether a call may pass. Every admitted call reports its outcome, `ignored` if it was given up.
    /// - Complexity: O(1); without a lock while it is closed.
    public func admit(at now: MeshInstant) -> CircuitBreakerStateMachine.Admission {
        let permit = commonPermit.load(ordering: .relaxed)
        return permit != 0 ? .admitted(permit: permit) : decide(at: now, wantsError: false).admission
    }

    /// Reports how an admitted call ended.
    /// - Complexity: O(1), under the breaker's lock.
    public func report(_ outcome: Outcome, permit: UInt64, at now: MeshInstant) {
        report(CircuitBreakerStateMachine.Ending(outcome), permit: permit, at: now)
    }

    /// Reports how an admitted call ended, with all that a rule may want to know.
    /// - Complexity: O(1), under the breaker's lock.
    public func report(_ ending: CircuitBreakerStateMachine.Ending, permit: UInt64, at now: MeshInstant) {
        guard permit != 0 else { return }
        let (_, change) = guarded.withLock { guarded in
            withChange(&guarded) { $0.callEnded(ending, permit: permit, at: now, using: random) }
        }
        if let change { tell(change) }
    }

    /// Runs an operation if the breaker lets it pass.
    ///
    /// What it returns is a success; what it throws counts as the classifier says, and not at all if the caller's task
    /// was cancelled meanwhile.
    /// - Throws: `MeshError` with code `circuitOpen`; else what the operation throws.
    @inlinable
    public func run<Value>(_ operation: () async throws -> Value) async throws -> Value {
        let entry = try enter()
        let value: Value
        do {
            value = try await operation()
        } catch {
            leave(entry, error)
            throw error
        }
        leaveWell(entry)
        return value
    }

    /// Runs an operation if the breaker lets it pass, and judges what it returns.
    /// - Throws: `MeshError` with code `circuitOpen`; else what the operation throws.
    @inlinable
    public func run<Value>(
        judgedBy outcome: (Value) -> Outcome,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        let entry = try enter()
        let value: Value
        do {
            value = try await operation()
        } catch {
            leave(entry, error)
            throw error
        }
        leave(entry, outcome(value))
        return value
    }

    // MARK: - What the inlined code calls

    /// A call on its way through.
    @usableFromInline
    struct Entry: Sendable {
        @usableFromInline let permit: UInt64
        /// The clock's start if nothing is timed.
        @usableFromInline let startedAt: MeshInstant

        @usableFromInline
        init(permit: UInt64, startedAt: MeshInstant) {
            self.permit = permit
            self.startedAt = startedAt
        }
    }

    @usableFromInline
    func enter() throws -> Entry {
        let permit = commonPermit.load(ordering: .relaxed)
        guard permit == 0 else {
            return Entry(permit: permit, startedAt: isTimed ? clock.now : MeshInstant(nanoseconds: 0))
        }
        let now = clock.now
        let decision = decide(at: now, wantsError: true)
        switch decision.admission {
        case .admitted(let permit): return Entry(permit: permit, startedAt: now)
        case .refused: throw decision.error ?? MeshError(.circuitOpen, origin: .local, message: "the circuit is open")
        }
    }

    /// A call has ended well: the shortest way through the lock while it is closed.
    @usableFromInline
    func leaveWell(_ entry: Entry) {
        guard entry.permit != 0 else { return }
        // As in `leave`: with an old permit nobody asks for the time.
        let isTimeless = isTimeless && commonPermit.load(ordering: .relaxed) == entry.permit
        let now = isTimeless ? MeshInstant(nanoseconds: 0) : clock.now
        let duration = isTimed ? now.elapsed(since: entry.startedAt) : .zero
        if guarded.withLock({ $0.machine.endedWell(after: duration, permit: entry.permit, at: now) }) { return }
        report(CircuitBreakerStateMachine.Ending(.success, duration: duration), permit: entry.permit, at: now)
    }

    @usableFromInline
    func leave(_ entry: Entry, _ outcome: Outcome) {
        guard entry.permit != 0 else { return }
        leave(entry, CircuitBreakerStateMachine.Ending(outcome))
    }

    @usableFromInline
    func leave(_ entry: Entry, _ error: any Error, _ classifier: ResponseClassifier? = nil) {
        guard entry.permit != 0 else { return }
        // An operation that was cancelled may say so in its own words; it failed by its caller's will either way.
        let outcome = Task.isCancelled ? .ignored : (classifier ?? self.classifier).outcome(error: error)
        let retryAfter = (error as? MeshError)?.retryAfter
        leave(entry, CircuitBreakerStateMachine.Ending(outcome, retryAfter: retryAfter))
    }

    @usableFromInline
    func leave(_ entry: Entry, _ ending: CircuitBreakerStateMachine.Ending) {
        let isPlain = isTimeless && ending.outcome == .success && !ending.isOverload
        // Reading the clock costs more than all the rest. If the state changes between this look at the permit and the
        // lock, the permit is an old one there, and nothing that is done with an old one asks for the time.
        let isPlainInClosed = isPlain && commonPermit.load(ordering: .relaxed) == entry.permit
        let now = isPlainInClosed ? MeshInstant(nanoseconds: 0) : clock.now
        var ending = ending
        if isTimed { ending.duration = now.elapsed(since: entry.startedAt) }
        report(ending, permit: entry.permit, at: now)
    }

    // MARK: - Under the lock

    private struct Decision {
        var admission: CircuitBreakerStateMachine.Admission
        var error: (any Error)?
    }

    private func decide(at now: MeshInstant, wantsError: Bool) -> Decision {
        var refusal: (reason: PolicyDecision.Reason, isEnforced: Bool)?
        let (decision, change) = guarded.withLock { guarded -> (Decision, Change?) in
            let (admission, change) = withChange(&guarded) { $0.callWanted(at: now, using: random) }
            guard case .refused(let wait) = admission else { return (Decision(admission: admission), change) }
            let reason = guarded.machine.refusalReason
            let isEnforced = guarded.machine.mode == .enforce
            refusal = (reason, isEnforced)
            guard isEnforced else { return (Decision(admission: .admitted(permit: 0)), change) }
            guard wantsError else { return (Decision(admission: admission), change) }
            return (Decision(admission: admission, error: guarded.error(after: wait, because: reason)), change)
        }
        if let change { tell(change) }
        if let refusal, !observers.isEmpty {
            tell(.refused, because: refusal.reason, isEnforced: refusal.isEnforced)
        }
        return decision
    }

    /// Does something to the machine, and finds out whether its state changed by that.
    private func withChange<Result>(
        _ guarded: inout Guarded,
        _ event: (inout CircuitBreakerStateMachine) -> Result
    ) -> (Result, Change?) {
        let generation = guarded.machine.generation
        let before = guarded.machine.state
        let result = event(&guarded.machine)
        guard guarded.machine.generation != generation else { return (result, nil) }
        commonPermit.store(guarded.machine.commonPermit, ordering: .relaxed)
        return (result, Change(from: before, by: guarded.machine))
    }

    /// Does something to the machine from elsewhere than the request path, and tells what changed by that.
    func control<Result: Sendable>(_ event: (inout CircuitBreakerStateMachine, MeshRandom) -> Result) -> Result {
        let (result, change) = guarded.withLock { guarded in withChange(&guarded) { event(&$0, random) } }
        if let change { tell(change) }
        return result
    }

    private func tell(_ change: Change) {
        onChange?(change)
        listeners.tell(change)
        if !observers.isEmpty { tell(.changed, because: change.cause.reason, isEnforced: change.isEnforced) }
    }

    private func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason, isEnforced: Bool) {
        observers.noticed(
            .policyActed(PolicyDecision(.circuitBreaker, name: name, action, because: reason, isEnforced: isEnforced))
        )
    }
}

extension CircuitBreaker {
    /// The error of a refusal, boxed: throwing it again costs a reference count.
    fileprivate struct Refusal {
        var error: any Error
        var seconds: UInt64
        var reason: PolicyDecision.Reason
    }
}

extension CircuitBreaker.Guarded {
    /// The error of a refusal.
    fileprivate mutating func error(after wait: Nanoseconds, because reason: PolicyDecision.Reason) -> any Error {
        // Rounded up, so that nobody is sent back too early; zero and forever are both an unknown time.
        let seconds =
            wait == .forever ? 0 : wait.rawValue / 1_000_000_000 + (wait.rawValue % 1_000_000_000 == 0 ? 0 : 1)
        if let refusal, refusal.seconds == seconds, refusal.reason == reason { return refusal.error }
        // Boxed here, once: a concrete error would be boxed again by whoever gets it.
        let error: any Error = MeshError(
            .circuitOpen,
            origin: .local,
            message: reason == .probing
                ? "the circuit breaker waits for its probes"
                : reason == .forced ? "the circuit breaker is held open" : "the circuit breaker is open",
            reason: reason,
            retryAfter: seconds == 0 ? nil : .seconds(seconds)
        )
        refusal = CircuitBreaker.Refusal(error: error, seconds: seconds, reason: reason)
        return error
    }
}

extension CircuitBreakerStateMachine {
    /// Why it refuses calls now.
    var refusalReason: PolicyDecision.Reason {
        switch state {
        case .forcedOpen: .forced
        case .halfOpen: .probing
        default: .open
        }
    }
}
