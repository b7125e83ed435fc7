// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import Synchronization

/// The live state of one endpoint of one cluster. It outlives configurations that leave the endpoint alone.
public final class EndpointState: Sendable {
    /// The endpoint.
    public let endpoint: Endpoint
    /// Its weight within the cluster; at least 1.
    public let weight: UInt32
    /// What the control plane says of its health.
    public let health: EndpointHealth
    /// Its priority; 0 is the best.
    public let priority: Int
    /// Since when it is in its cluster, and healthy as far as the control plane knows.
    public let joinedAt: MeshInstant
    /// What consistent balancers know it by, in place of its address; empty for that (Envoy's endpoint metadata
    /// `envoy.lb`, `hash_key`).
    public let hashKey: String
    /// Requests under way.
    public let activeRequests = Atomic<Int>(0)
    /// What outlier detection counts.
    let tally = OutlierTally()
    /// How long it takes to answer, where a policy asks for that.
    let latencies = LatencyTracker()
    /// Until when outlier detection keeps traffic away, in nanoseconds of the mesh's clock; 0 if it does not. `eject` sets
    /// it.
    public let ejectedUntil = Atomic<UInt64>(0)
    /// Who hears that it was ejected.
    private let signal: HealthSignal?
    /// Until when a circuit breaker keeps traffic away, likewise.
    public let refusedUntil = Atomic<UInt64>(0)

    /// Creates the state of an endpoint that was not used yet.
    public init(
        _ endpoint: Endpoint,
        weight: UInt32 = 1,
        health: EndpointHealth = .healthy,
        priority: Int = 0,
        hashKey: String = "",
        joinedAt: MeshInstant = MeshInstant(nanoseconds: 0),
        signal: HealthSignal? = nil
    ) {
        self.endpoint = endpoint
        self.weight = max(weight, 1)
        self.health = health
        self.priority = priority
        self.hashKey = hashKey
        self.joinedAt = joinedAt
        self.signal = signal
    }

    /// Creates the state of an endpoint whose description changed: what is held against its address stays.
    /// - Parameter now: When it changed; from then on the endpoint is new if it is healthy and was not.
    public init(
        _ endpoint: Endpoint,
        weight: UInt32,
        health: EndpointHealth = .healthy,
        priority: Int = 0,
        hashKey: String = "",
        succeeding previous: EndpointState,
        at now: MeshInstant
    ) {
        self.endpoint = endpoint
        self.weight = max(weight, 1)
        self.health = health
        self.priority = priority
        self.hashKey = hashKey
        self.joinedAt = health == .healthy && previous.health != .healthy ? now : previous.joinedAt
        self.signal = previous.signal
        tally.takeStreaks(of: previous.tally)
        latencies.take(previous.latencies)
        ejectedUntil.store(previous.ejectedUntil.load(ordering: .relaxed), ordering: .relaxed)
        refusedUntil.store(previous.refusedUntil.load(ordering: .relaxed), ordering: .relaxed)
    }

    /// Whether the endpoint may be picked at `now`.
    public func isAvailable(at now: MeshInstant) -> Bool {
        !isEjected(at: now) && !isRefused(at: now)
    }

    /// Whether a circuit breaker keeps traffic away at `now`.
    public func isRefused(at now: MeshInstant) -> Bool {
        refusedUntil.load(ordering: .relaxed) > now.nanoseconds
    }

    /// Whether outlier detection keeps traffic away at `now`.
    public func isEjected(at now: MeshInstant) -> Bool {
        ejectedUntil.load(ordering: .relaxed) > now.nanoseconds
    }

    /// Forgets what outlier detection holds against it.
    public func forgetFailures() {
        tally.endStreaks()
        eject(until: nil)
    }

    /// Keeps traffic away until then, or lets it come again with `nil`; those who balance by health hear of it.
    public func eject(until instant: MeshInstant?) {
        ejectedUntil.store(instant?.nanoseconds ?? 0, ordering: .relaxed)
        signal?.healthChanged()
    }
}

/// What a control plane says of an endpoint's health.
public enum EndpointHealth: Hashable, Sendable {
    /// It is used.
    case healthy
    /// It is used where too few are healthy.
    case degraded
    /// It is used in panic only.
    case unhealthy
}

/// Counts the changes of a cluster's endpoints' health, so that whoever balances by it knows when to look again.
public final class HealthSignal: Sendable {
    private let changes = Atomic<UInt64>(0)

    /// Creates a signal.
    public init() {}

    func healthChanged() {
        changes.wrappingAdd(1, ordering: .releasing)
    }

    /// How many changes there were.
    var count: UInt64 { changes.load(ordering: .acquiring) }
}
