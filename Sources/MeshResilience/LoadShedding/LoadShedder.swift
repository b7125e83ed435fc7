// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Refuses the least important requests first while there are too many; usable alone around any async closure, in an
/// inbound stack, and as a layer.
///
/// ```swift
/// let shedder = try LoadShedder(LoadShedderConfiguration(capacity: 100))
/// let answer = try await shedder.run(.sheddable) { try await handle(request) }
/// ```
public final class LoadShedder: Sendable {
    /// What it was made with.
    public let configuration: LoadShedderConfiguration
    /// What it stands on, as observers are told.
    public let name: String
    @usableFromInline let isEnabled: Bool
    @usableFromInline let countsUsers: Bool
    @usableFromInline let criticalityHeader: HeaderName
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let random: MeshRandom
    private let load: SystemLoad?
    private let signals: [LoadSignal]
    private let machine: Mutex<LoadShedderStateMachine>
    /// Made once: a refusal allocates nothing.
    private let refusals: (priority: any Error, limit: any Error, load: any Error)

    /// Creates a shedder that has seen nothing.
    /// - Parameters:
    ///   - load: The system's load, for `loadTrigger`.
    ///   - signals: What else knows of overload.
    /// - Throws: `ConfigurationError` with every bound that is broken; a `loadTrigger` without a `load` is one.
    public convenience init(
        _ configuration: LoadShedderConfiguration,
        name: String = "",
        load: SystemLoad? = nil,
        signals: [LoadSignal] = [],
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        if configuration.loadTrigger != nil, load == nil {
            throw ConfigurationError(path: "loadTrigger", "needs a system load to be read")
        }
        self.init(
            validated: configuration,
            name: name,
            load: load,
            signals: signals,
            observers: observers,
            clock: clock,
            random: random
        )
    }

    /// Creates a shedder from a configuration whose bounds hold.
    package init(
        validated configuration: LoadShedderConfiguration,
        name: String,
        load: SystemLoad?,
        signals: [LoadSignal],
        observers: ObserverSet,
        clock: any MeshClock,
        random: MeshRandom
    ) {
        self.configuration = configuration
        self.name = name
        self.isEnabled = configuration.mode != .disabled
        self.countsUsers = configuration.userHeader != nil
        self.criticalityHeader = configuration.criticalityHeader
        self.observers = observers
        self.clock = clock
        self.random = random
        self.load = load
        self.signals = signals
        self.machine = Mutex(LoadShedderStateMachine(configuration))
        func error(_ reason: PolicyDecision.Reason, _ message: String) -> any Error {
            let reply = LocalReply(status: 503, body: "overloaded")
            return MeshError(.shed, origin: .local, message: message, reason: reason, localReply: reply)
        }
        self.refusals = (
            error(.priority, "overloaded: only more important requests are served"),
            error(.limit, "overloaded: no request is served until some have ended"),
            error(.latency, "overloaded: as much is under way as the service can do")
        )
    }

    /// The requests under way.
    public var inFlight: Int { machine.withLock { $0.inFlight } }

    /// Changes how many requests are served at once; `nil` makes the queue no signal.
    public func changeCapacity(to capacity: Int?) {
        machine.withLock { $0.capacityChanged(to: capacity) }
    }

    /// Tells that a request has waited that long before it was begun: in an accept queue, for a thread, for a place.
    public func reportWait(_ delay: Nanoseconds) {
        let now = clock.now
        machine.withLock { $0.waited(delay, at: now) }
    }

    /// Asks whether a request is served; never waits.
    /// - Parameters:
    ///   - criticality: How much it matters; `nil` stands for the configured default.
    ///   - user: Who makes it, for fair shares.
    /// - Returns: A permit to be kept for as long as the request is under way.
    /// - Throws: `MeshError` with code `shed` and the reason (`priority`, `limit`, `latency`).
    /// - Complexity: O(1).
    public func admit(_ criticality: Criticality? = nil, user: String? = nil) throws -> LoadShedderPermit {
        let startedAt = clock.now
        let isCounted = try enter(criticality, user: user, at: startedAt)
        return LoadShedderPermit(isCounted ? self : nil, startedAt: startedAt)
    }

    /// Runs an operation if it is served.
    /// - Throws: what `admit` throws; else what the operation throws.
    @inlinable
    public func run<Value>(
        _ criticality: Criticality? = nil,
        user: String? = nil,
        _ operation: () async throws -> Value
    ) async throws -> Value {
        let startedAt = now
        guard try enter(criticality, user: user, at: startedAt) else { return try await operation() }
        let value: Value
        do {
            value = try await operation()
        } catch {
            leave(startedAt: startedAt, isServed: false)
            throw error
        }
        leave(startedAt: startedAt, isServed: true)
        return value
    }
}

extension LoadShedder {
    @usableFromInline var now: MeshInstant { clock.now }

    /// Asks whether a request is served.
    /// - Returns: Whether it counts, so that `leave` must be told of its end.
    @usableFromInline
    func enter(_ criticality: Criticality?, user: String?, at now: MeshInstant) throws -> Bool {
        guard configuration.mode != .disabled else { return false }
        let call = LoadShedderStateMachine.Call(
            criticality ?? configuration.defaultCriticality,
            user: user.map(Self.hash),
            chance: Int(random.below(UInt64(ShedPriority.levels)))
        )
        // What others know is read outside the lock.
        let signal = signals.reduce(0) { max($0, $1.share) }
        let load = load?.read()
        let answer = machine.withLock { $0.callWanted(call, load: load, signal: signal, at: now) }
        guard case .refused(let reason) = answer else { return true }
        let isEnforced = configuration.mode == .enforce
        observers.policyActed(.loadShedding, name: name, .refused, because: reason, isEnforced: isEnforced)
        guard isEnforced else { return false }
        switch reason {
        case .priority: throw refusals.priority
        case .latency: throw refusals.load
        default: throw refusals.limit
        }
    }

    /// A request that counts has ended.
    @usableFromInline
    func leave(startedAt: MeshInstant, isServed: Bool) {
        let now = clock.now
        machine.withLock { $0.callEnded(latency: isServed ? now.elapsed(since: startedAt) : nil, at: now) }
    }

    private static func hash(_ user: String) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(user)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }
}
