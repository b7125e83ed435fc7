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
    public let statedHealth: EndpointHealth
    /// What active checks know of it; `nil` if it is not asked.
    public let checker: EndpointHealthChecker?
    /// Its priority; 0 is the best.
    public let priority: Int
    /// Since when it is in its cluster, and healthy as far as the control plane knows.
    private let statedSince: MeshInstant
    /// What consistent balancers know it by, in place of its address; empty for that (Envoy's endpoint metadata
    /// `envoy.lb`, `hash_key`).
    public let hashKey: String
    /// What subsets know it by (Envoy's endpoint metadata `envoy.lb`).
    public let labels: [String: MetadataValue]
    /// Requests under way.
    public let activeRequests = Atomic<Int>(0)
    /// What outlier detection counts.
    let tally = OutlierTally()
    /// How long it takes to answer, where a policy asks for that.
    let latencies = LatencyTracker()
    /// What it reported of its load, likewise.
    let loads = LoadTracker()
    /// Whether it can be connected to, likewise.
    let connections = ConnectionTracker()
    /// Where attempts are counted for the control plane; `nil` if it does not want to know.
    public let loadStatistics: LocalityLoadStatistics?
    /// Until when outlier detection keeps traffic away, in nanoseconds of the mesh's clock; 0 if it does not. `eject` sets
    /// it.
    public let ejectedUntil = Atomic<UInt64>(0)
    /// Who hears that it was ejected, and what else concerns its cluster.
    let signal: ClusterSignal?
    /// Until when a circuit breaker keeps traffic away, likewise.
    public let refusedUntil = Atomic<UInt64>(0)

    /// Creates the state of an endpoint that was not used yet.
    public init(
        _ endpoint: Endpoint,
        weight: UInt32 = 1,
        health: EndpointHealth = .healthy,
        priority: Int = 0,
        hashKey: String = "",
        labels: [String: MetadataValue] = [:],
        joinedAt: MeshInstant = MeshInstant(nanoseconds: 0),
        checker: EndpointHealthChecker? = nil,
        signal: ClusterSignal? = nil,
        loadStatistics: LocalityLoadStatistics? = nil
    ) {
        self.endpoint = endpoint
        self.weight = max(weight, 1)
        self.statedHealth = health
        self.checker = checker
        self.priority = priority
        self.hashKey = hashKey
        self.labels = labels
        self.statedSince = joinedAt
        self.signal = signal
        self.loadStatistics = loadStatistics
    }

    /// Creates the state of an endpoint whose description changed: what is held against its address stays.
    /// - Parameters:
    ///   - checker: What active checks know of it; `nil` if it is asked no more.
    ///   - now: When it changed; from then on the endpoint is new if it is healthy and was not.
    public init(
        _ endpoint: Endpoint,
        weight: UInt32,
        health: EndpointHealth = .healthy,
        priority: Int = 0,
        hashKey: String = "",
        labels: [String: MetadataValue] = [:],
        checker: EndpointHealthChecker? = nil,
        loadStatistics: LocalityLoadStatistics? = nil,
        succeeding previous: EndpointState,
        at now: MeshInstant
    ) {
        self.endpoint = endpoint
        self.weight = max(weight, 1)
        self.statedHealth = health
        self.checker = checker
        self.priority = priority
        self.hashKey = hashKey
        self.labels = labels
        self.statedSince = health == .healthy && previous.statedHealth != .healthy ? now : previous.statedSince
        self.signal = previous.signal
        self.loadStatistics = loadStatistics
        tally.takeStreaks(of: previous.tally)
        latencies.take(previous.latencies)
        connections.take(previous.connections)
        // Who was away has to report for a while again before it counts.
        if joinedAt == previous.joinedAt { loads.take(previous.loads) }
        ejectedUntil.store(previous.ejectedUntil.load(ordering: .relaxed), ordering: .relaxed)
        refusedUntil.store(previous.refusedUntil.load(ordering: .relaxed), ordering: .relaxed)
    }

    /// The worse of what the control plane says of its health and what active checks say.
    public var health: EndpointHealth {
        guard let checker else { return statedHealth }
        return checker.activeHealth.combined(with: statedHealth)
    }

    /// Since when it is in its cluster and healthy, as far as the control plane and active checks know.
    public var joinedAt: MeshInstant {
        guard let checker else { return statedSince }
        return max(statedSince, checker.healthySince)
    }

    /// Whether it counts as if it were not there when its priority's health is judged.
    var isExcluded: Bool { checker?.activeHealth.isExcluded ?? false }

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

    /// Whether nothing is known of it yet, because its first health check is still to come.
    var isPending: Bool {
        guard let checker, checker.activeHealth.contains(.failed) else { return false }
        return !checker.isChecked
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

/// What is said of an endpoint's health.
public enum EndpointHealth: Hashable, Sendable {
    /// It is used.
    case healthy
    /// It is used where too few are healthy.
    case degraded
    /// It is used in panic only.
    case unhealthy
}
