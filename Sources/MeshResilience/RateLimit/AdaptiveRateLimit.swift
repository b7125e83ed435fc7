// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A sending rate that follows what the peer takes; usable alone around any async closure.
///
/// ```swift
/// let limit = try AdaptiveRateLimit(AdaptiveRateLimitConfiguration(), name: "dynamodb")
/// try await limit.run { try await call() }
/// ```
public final class AdaptiveRateLimit: Sendable {
    /// How it follows.
    public let configuration: AdaptiveRateLimitConfiguration
    /// What it stands on, for observers.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let machine: Mutex<AdaptiveRateLimitStateMachine>
    /// The machine's, for those who do not wait for the lock; it is set once and stays.
    private let isLimiting = Atomic(false)

    /// Creates a limit that limits nothing until the peer throttles.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: AdaptiveRateLimitConfiguration = AdaptiveRateLimitConfiguration(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock)
    }

    /// Creates a limit of a configuration that was validated at the edge.
    package init(
        validated configuration: AdaptiveRateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.machine = Mutex(AdaptiveRateLimitStateMachine(configuration, at: clock.now))
    }

    /// The sending rate that is allowed, in calls a second; `nil` while nothing is limited.
    public var rate: Double? {
        machine.withLock { $0.isLimiting ? $0.rate : nil }
    }

    /// Whether a call need not ask for its turn: as long as the peer has never throttled, all of them pass.
    @usableFromInline
    func passesAtOnce() -> Bool {
        !isLimiting.load(ordering: .relaxed)
    }

    /// Waits for the call's turn. Every call that returned reports its answer, unless it was given up.
    ///
    /// A cancelled wait gives its turn to others; a wait that cannot end in time never begins.
    /// - Throws: `MeshError` with code `rateLimited`; `CancellationError`.
    /// - Complexity: O(1), one lock; nothing is allocated on the way through.
    public func acquire(until deadline: Deadline = .never) async throws {
        guard configuration.mode != .disabled else { return }
        let now = clock.now
        let latest = deadline.latestTurn(at: now, waitingAtMost: configuration.maximumWait)
        switch machine.withLock({ $0.permitWanted(at: now, until: latest) }) {
        case .granted: return
        case .reserved(let turn):
            tell(.queued, because: .pushback)
            guard configuration.mode == .enforce else { return }
            do {
                try await clock.sleep(until: turn)
            } catch {
                let now = clock.now
                machine.withLock { $0.permitGivenBack(at: now) }
                throw error
            }
        case .refused(let wait):
            let reason: PolicyDecision.Reason = wait > configuration.maximumWait ? .waitTooLong : .deadline
            tell(.refused, because: reason)
            guard configuration.mode == .enforce else { return }
            throw MeshError(
                .rateLimited,
                origin: .local,
                message: "the peer throttles, and the rate that it takes leaves no turn in time",
                reason: reason,
                retryAfter: wait,
                localReply: LocalReply(status: 429, body: "local_rate_limited")
            )
        }
    }

    /// An answer has come.
    /// - Parameter isThrottled: Whether the peer refused because there are too many calls.
    public func report(isThrottled: Bool) {
        guard configuration.mode != .disabled else { return }
        let now = clock.now
        machine.withLock { $0.responseReceived(isThrottled: isThrottled, at: now) }
        guard isThrottled else { return }
        isLimiting.store(true, ordering: .relaxed)
        tell(.changed, because: .pushback)
    }

    /// Runs an operation when its turn has come.
    /// - Parameters:
    ///   - deadline: When nobody waits for the answer any more.
    ///   - isThrottled: Whether a returned value says that the peer throttles. Default: none does.
    ///   - classifier: Which errors say that the peer throttles; what the caller or this process caused says nothing.
    ///   - operation: What is run at most once.
    /// - Throws: `MeshError` with code `rateLimited`; `CancellationError` if the wait is cancelled; else what the
    ///   operation throws.
    @inlinable
    public func run<Value>(
        until deadline: Deadline = .never,
        isThrottled: (Value) -> Bool = { _ in false },
        classifier: ThrottleClassifier = .standard,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        if !passesAtOnce() { try await acquire(until: deadline) }
        do {
            let value = try await operation()
            report(isThrottled: isThrottled(value))
            return value
        } catch {
            report(error, classifier)
            throw error
        }
    }

    /// A call has failed. One that was cancelled may say so in its own words, and says nothing of the peer.
    @usableFromInline
    func report(_ error: any Error, _ classifier: ThrottleClassifier) {
        guard !Task.isCancelled, let isThrottled = classifier.isThrottled(error: error) else { return }
        report(isThrottled: isThrottled)
    }

    private func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.rateLimit, name: name, action, because: reason, isEnforced: isEnforced)
    }
}
