// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A rate limit that many calls share; usable alone around any async closure.
///
/// ```swift
/// let limiter = try RateLimiter(RateLimitConfiguration(rate: 60, per: .seconds(60), burst: 10), name: "search")
/// try await limiter.run { try await call() }
/// ```
public final class RateLimiter: Sendable {
    /// The limit.
    public let configuration: RateLimitConfiguration
    /// What it stands on, for observers.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let machine: Mutex<RateLimitStateMachine>

    /// Creates a limiter that nobody has used.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: RateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock)
    }

    /// Creates a limiter of a configuration that was validated at the edge.
    package init(
        validated configuration: RateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.machine = Mutex(RateLimitStateMachine(configuration, at: clock.now))
    }

    /// Whether a call may be made to wait.
    @inlinable
    public var waits: Bool { configuration.maximumWait > .zero }

    /// The permits that are there now; below zero are those promised to calls that wait.
    /// - Complexity: O(1); with a log O(rate).
    public var availablePermits: Int {
        let now = clock.now
        return machine.withLock { $0.available(at: now) }
    }

    /// How long a call would wait that came now; `nil` if so many permits are never there at once.
    public func expectedWait(forPermits permits: Int = 1) -> Nanoseconds? {
        let now = clock.now
        return machine.withLock { $0.wait(for: permits, at: now) }
    }

    /// Takes permits that are there now; never waits.
    /// - Parameter permits: How many; nothing is taken and nothing is refused below 1.
    /// - Throws: `MeshError` with code `rateLimited` and the time after which it makes sense to try again.
    /// - Complexity: O(1), one lock; it allocates only to refuse.
    public func acquire(permits: Int = 1) throws(MeshError) {
        try acquire(permits: permits, at: nil)
    }

    /// The same for a caller that may know the time already.
    @usableFromInline
    func acquire(permits: Int = 1, at instant: MeshInstant?) throws(MeshError) {
        guard permits > 0, configuration.mode != .disabled else { return }
        let now = instant ?? clock.now
        if machine.withLock({ $0.permitsTaken(permits, at: now) }) { return }
        guard case .refused(let wait) = answer(permits, at: now, until: now) else { return }
        try refuse(retryAfter: wait, because: .limit)
    }

    /// Takes permits, and waits for them as long as the configuration lets it.
    ///
    /// A cancelled wait gives its turn to others. It never begins to wait when the turn would come after the longest
    /// wait or not before the deadline: it is refused at once, and nothing has changed.
    /// - Parameters:
    ///   - permits: How many; nothing is taken and nothing is refused below 1.
    ///   - deadline: When nobody waits for the answer any more.
    /// - Throws: `MeshError` with code `rateLimited`; `CancellationError`.
    public func acquireWaiting(permits: Int = 1, until deadline: Deadline = .never) async throws {
        let reservation = try reserve(permits: permits, until: deadline)
        try await reservation.wait()
    }

    /// Takes a turn, now or later, to be waited for and committed by the caller; dropping it gives it back.
    /// - Parameters:
    ///   - permits: How many; nothing is taken and nothing is refused below 1.
    ///   - deadline: When nobody waits for the answer any more.
    /// - Throws: `MeshError` with code `rateLimited` if there is no turn in time; then nothing has changed.
    public func reserve(permits: Int = 1, until deadline: Deadline = .never) throws(MeshError) -> RateLimitReservation {
        let now = clock.now
        guard permits > 0, configuration.mode != .disabled else {
            return RateLimitReservation(of: self, place: nil, readyAt: now, isReady: true)
        }
        switch answer(permits, at: now, until: deadline.latestTurn(at: now, waitingAtMost: configuration.maximumWait)) {
        case .granted(let place):
            return RateLimitReservation(of: self, place: place, readyAt: now, isReady: true)
        case .reserved(let place):
            tell(.queued, because: .limit)
            // A dry run makes nobody wait, and counts the turn that the call would have had.
            let isReady = configuration.mode == .observe
            return RateLimitReservation(
                of: self,
                place: place,
                readyAt: isReady ? now : place.readyAt,
                isReady: isReady
            )
        case .refused(let wait):
            try refuse(retryAfter: wait, because: configuration.reason(forWait: wait))
            return RateLimitReservation(of: self, place: nil, readyAt: now, isReady: true)
        }
    }

    /// Runs an operation when there is a permit for it.
    /// - Parameters:
    ///   - deadline: When nobody waits for the answer any more.
    ///   - operation: What is run at most once.
    /// - Throws: `MeshError` with code `rateLimited`; `CancellationError` if the wait is cancelled; else what the
    ///   operation throws.
    @inlinable
    public func run<Value>(
        until deadline: Deadline = .never,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        if waits {
            try await acquireWaiting(until: deadline)
        } else {
            try acquire()
        }
        return try await operation()
    }

    func sleep(until instant: MeshInstant) async throws {
        try await clock.sleep(until: instant)
    }

    func giveBack(_ place: RateLimitPlace) {
        let now = clock.now
        machine.withLock { $0.placeGivenBack(place, at: now) }
    }

    private func answer(_ permits: Int, at now: MeshInstant, until latest: MeshInstant) -> RateLimitStateMachine.Answer
    {
        machine.withLock { $0.permitsWanted(permits, at: now, until: latest) }
    }

    private func refuse(retryAfter wait: Nanoseconds, because reason: PolicyDecision.Reason) throws(MeshError) {
        tell(.refused, because: reason)
        guard configuration.mode == .enforce else { return }
        throw configuration.refusal(retryAfter: wait, because: reason)
    }

    private func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.rateLimit, name: name, action, because: reason, isEnforced: isEnforced)
    }
}
