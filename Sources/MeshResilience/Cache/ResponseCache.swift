// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Answers from memory; usable alone around any async closure.
///
/// ```swift
/// let pages = try ResponseCache<Int, Page>(
///     ResponseCacheConfiguration(timeToLive: .seconds(60), staleIfError: .seconds(600))
/// )
/// let page = try await pages.run(7) { try await fetch(page: 7) }
/// ```
///
/// Errors are never kept, nor values that `isCacheable` refuses; such a value also ends what was kept before it. Callers that
/// miss the same key at once share one fetch.
public final class ResponseCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// What is kept.
    public let configuration: ResponseCacheConfiguration
    /// What it stands on, as observers are told; empty if nobody gave it a name.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let cost: @Sendable (Value) -> Int
    private let isCacheable: @Sendable (Value) -> Bool
    private let isFailure: @Sendable (any Error) -> Bool
    private let machine: Mutex<ResponseCacheStateMachine<Key, Value>>
    private let fetches: Coalescing<Key, Value>

    /// Creates an empty cache.
    /// - Parameters:
    ///   - cost: What keeping a value costs (bytes, say); less than 0 counts as 0. By default 1.
    ///   - isCacheable: Which values are kept. By default all: say so if a value can mean that there is none. One that is
    ///     not kept ends the one that was.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: ResponseCacheConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        cost: @escaping @Sendable (Value) -> Int = { _ in 1 },
        isCacheable: @escaping @Sendable (Value) -> Bool = { _ in true }
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            validated: configuration,
            name: name,
            observers: observers,
            clock: clock,
            cost: cost,
            isCacheable: isCacheable
        )
    }

    /// Creates a cache from a configuration that was validated at the edge.
    /// - Parameter isFailure: Which errors an older value may take the place of. The others say that there is a new value,
    ///   which cannot be held: they end the one that was kept, as a value does that is not to be kept.
    package init(
        validated configuration: ResponseCacheConfiguration,
        name: String,
        observers: ObserverSet,
        clock: any MeshClock,
        cost: @escaping @Sendable (Value) -> Int,
        isCacheable: @escaping @Sendable (Value) -> Bool,
        isFailure: @escaping @Sendable (any Error) -> Bool = { _ in true }
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.cost = cost
        self.isCacheable = isCacheable
        self.isFailure = isFailure
        self.machine = Mutex(ResponseCacheStateMachine(configuration))
        self.fetches = Coalescing(
            validated: CoalescingConfiguration(),
            name: name,
            observers: observers,
            timers: .serving(clock)
        )
    }

    /// How many values are kept.
    public var count: Int { machine.withLock { $0.count } }

    /// The value from memory, or from the operation, which is run once for all who miss it together.
    ///
    /// The operation runs in a task of its own with the first caller's task-local values; see `Coalescing`.
    /// - Parameters:
    ///   - key: What the value is kept under.
    ///   - deadline: When this caller stops waiting for the operation.
    ///   - operation: What to run if there is no value.
    /// - Throws: What the operation throws, or `MeshError` with code `deadlineExceeded`, unless a value that is not too old
    ///   takes its place; `CancellationError` at once if this caller is cancelled while it waits.
    /// - Complexity: O(1); a hit allocates nothing.
    public func run(
        _ key: Key,
        deadline: Deadline = .never,
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        switch configuration.mode {
        case .disabled: return try await operation()
        case .observe: return try await runWatched(key, operation)
        case .enforce: break
        }
        let (finding, epoch) = look(key)
        switch finding {
        case .fresh(let value):
            tell(.served, because: .duplicate)
            return value
        case .stale(let value, mayAnswerAtOnce: true, _):
            fetches.refresh(key) { try await self.fetch(key, epoch, operation) }
            tell(.servedStale, because: .latency)
            return value
        case .stale, .nothing: break
        }
        do {
            return try await fetches.run(key, deadline: deadline) { try await self.fetch(key, epoch, operation) }
        } catch {
            guard !(error is CancellationError), !Task.isCancelled, isFailure(error), let value = standIn(for: key)
            else {
                throw error
            }
            tell(.servedStale, because: .failure)
            return value
        }
    }

    /// Forgets a value, and keeps none that was asked for before.
    public func invalidate(_ key: Key) {
        machine.withLock { $0.invalidated(key) }
        fetches.forget(key)
    }

    /// Forgets every value, and keeps none that was asked for before.
    public func invalidateAll() {
        machine.withLock { $0.invalidatedAll() }
        fetches.forgetAll()
    }

    private func fetch(_ key: Key, _ epoch: UInt64, _ operation: () async throws -> Value) async throws -> Value {
        let value: Value
        do {
            value = try await operation()
        } catch {
            if !isFailure(error) { machine.withLock { $0.superseded(key, askedIn: epoch) } }
            throw error
        }
        keep(key, epoch, value)
        return value
    }

    private func keep(_ key: Key, _ epoch: UInt64, _ value: Value) {
        // The user's code runs outside the lock.
        guard isCacheable(value) else { return machine.withLock { $0.superseded(key, askedIn: epoch) } }
        let (cost, now) = (cost(value), clock.now)
        machine.withLock { $0.answered(key, value, cost: cost, askedIn: epoch, at: now) }
    }

    /// The value that may take the place of a failure now, which may be later than when the operation began.
    private func standIn(for key: Key) -> Value? {
        guard configuration.staleIfError > .zero else { return nil }
        let now = clock.now
        return switch machine.withLock({ $0.lookedUp(key, at: now) }) {
        case .fresh(let value), .stale(let value, _, mayAnswerFailure: true): value
        case .stale, .nothing: nil
        }
    }

    private func look(_ key: Key) -> (ResponseCacheStateMachine<Key, Value>.Finding, UInt64) {
        let now = clock.now
        return machine.withLock { ($0.lookedUp(key, at: now), $0.epoch) }
    }

    /// A call that runs its operation whatever is in memory.
    struct Watch: Sendable {
        fileprivate let key: Key
        fileprivate let epoch: UInt64
        fileprivate let isFresh: Bool
        fileprivate let mayAnswerFailure: Bool
    }

    /// Tells what would have been answered from memory.
    func watchBegan(_ key: Key) -> Watch {
        let (finding, epoch) = look(key)
        switch finding {
        case .fresh:
            tell(.served, because: .duplicate)
            return Watch(key: key, epoch: epoch, isFresh: true, mayAnswerFailure: false)
        case .stale(_, mayAnswerAtOnce: true, _):
            tell(.servedStale, because: .latency)
            return Watch(key: key, epoch: epoch, isFresh: false, mayAnswerFailure: false)
        case .stale(_, _, let mayAnswerFailure):
            return Watch(key: key, epoch: epoch, isFresh: false, mayAnswerFailure: mayAnswerFailure)
        case .nothing:
            return Watch(key: key, epoch: epoch, isFresh: false, mayAnswerFailure: false)
        }
    }

    func watchEnded(_ watch: Watch, _ value: Value) {
        // A value that would have been served from memory would not have been fetched again.
        if !watch.isFresh { keep(watch.key, watch.epoch, value) }
    }

    func watchEnded(_ watch: Watch, _ error: any Error) {
        guard watch.mayAnswerFailure, !(error is CancellationError), !Task.isCancelled, isFailure(error) else { return }
        tell(.servedStale, because: .failure)
    }

    private func runWatched(_ key: Key, _ operation: () async throws -> Value) async throws -> Value {
        let watch = watchBegan(key)
        do {
            let value = try await operation()
            watchEnded(watch, value)
            return value
        } catch {
            watchEnded(watch, error)
            throw error
        }
    }

    private func tell(_ action: PolicyDecision.Action, because reason: PolicyDecision.Reason) {
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.cache, name: name, action, because: reason, isEnforced: isEnforced)
    }
}
