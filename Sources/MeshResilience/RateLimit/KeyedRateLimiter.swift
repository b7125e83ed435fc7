// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A rate limit for each key, in bounded memory; usable alone around any async closure.
///
/// ```swift
/// let perUser = try KeyedRateLimiter<String>(
///     KeyedRateLimitConfiguration(limit: RateLimitConfiguration(rate: 60, per: .seconds(60)))
/// )
/// try await perUser.run(for: user) { try await call() }
/// ```
///
/// When all room is taken, a new key takes that of the least recently used key whose limit is whole again; if there is
/// none, it shares one limit with the other keys that found no room. No key ever wins back what it has used up.
public final class KeyedRateLimiter<Key: Hashable & Sendable>: Sendable {
    /// The limit and the bound.
    public let configuration: KeyedRateLimitConfiguration
    /// What it stands on, for observers.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let machine: Mutex<KeyedRateLimitStateMachine<Key>>

    /// Creates a limiter that knows no key.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: KeyedRateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock)
    }

    /// Creates a limiter of a configuration that was validated at the edge.
    package init(
        validated configuration: KeyedRateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock()
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.machine = Mutex(KeyedRateLimitStateMachine(configuration, at: clock.now))
    }

    /// Whether a call may be made to wait.
    public var waits: Bool { configuration.limit.maximumWait > .zero }

    /// How many keys are remembered.
    public var keyCount: Int { machine.withLock { $0.count } }

    /// The permits of a key that are there now; below zero are those promised to calls that wait.
    public func availablePermits(for key: Key) -> Int {
        let now = clock.now
        return machine.withLock { $0.available(for: key, at: now) }
    }

    /// Takes permits of a key that are there now; never waits.
    /// - Throws: `MeshError` with code `rateLimited` and the time after which it makes sense to try again.
    /// - Complexity: O(1) on average, one lock for all keys.
    public func acquire(for key: Key, permits: Int = 1) throws(MeshError) {
        guard permits > 0, configuration.mode != .disabled else { return }
        let now = clock.now
        let answer = machine.withLock { $0.permitsWanted(permits, for: key, at: now, until: now) }
        if case .refused(let wait) = answer.turn { try refuse(retryAfter: wait, because: .limit) }
    }

    /// Takes permits of a key, and waits for them as long as the configuration lets it.
    ///
    /// A cancelled wait gives its turn to others; a wait that cannot end in time never begins.
    /// - Throws: `MeshError` with code `rateLimited`; `CancellationError`.
    public func acquireWaiting(for key: Key, permits: Int = 1, until deadline: Deadline = .never) async throws {
        guard permits > 0, configuration.mode != .disabled else { return }
        let now = clock.now
        let latest = deadline.latestTurn(at: now, waitingAtMost: configuration.limit.maximumWait)
        let answer = machine.withLock { $0.permitsWanted(permits, for: key, at: now, until: latest) }
        switch answer.turn {
        case .granted: return
        case .refused(let wait):
            try refuse(retryAfter: wait, because: configuration.limit.reason(forWait: wait))
        case .reserved(let place):
            tell(.queued, because: .limit)
            guard configuration.mode == .enforce else { return }
            do {
                try await clock.sleep(until: place.readyAt)
            } catch {
                let now = clock.now
                machine.withLock { $0.placeGivenBack(place, for: key, isShared: answer.isShared, at: now) }
                throw error
            }
        }
    }

    /// Runs an operation when there is a permit of its key for it.
    /// - Throws: `MeshError` with code `rateLimited`; `CancellationError` if the wait is cancelled; else what the
    ///   operation throws.
    public func run<Value>(
        for key: Key,
        until deadline: Deadline = .never,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        if waits {
            try await acquireWaiting(for: key, until: deadline)
        } else {
            try acquire(for: key)
        }
        return try await operation()
    }

    private func refuse(retryAfter wait: Nanoseconds, because reason: PolicyDecision.Reason) throws(MeshError) {
        tell(.refused, because: reason)
        guard configuration.mode == .enforce else { return }
        throw configuration.limit.refusal(retryAfter: wait, because: reason)
    }

    private func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.rateLimit, name: name, action, because: reason, isEnforced: isEnforced)
    }
}

extension KeyedRateLimiter where Key == String {
    /// `acquire(for:)`, compiled for strings: code outside this module can only call what is compiled for any key, which
    /// takes five times as long.
    @usableFromInline
    func acquire(forText key: String) throws(MeshError) {
        try acquire(for: key)
    }
}
