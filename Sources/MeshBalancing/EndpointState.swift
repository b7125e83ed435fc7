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
    /// What consistent balancers know it by, in place of its address; empty for that (Envoy's endpoint metadata
    /// `envoy.lb`, `hash_key`).
    public let hashKey: String
    /// Requests under way.
    public let activeRequests = Atomic<Int>(0)
    /// Failures in a row, as outlier detection counts them.
    public let consecutiveFailures = Atomic<UInt32>(0)
    /// Until when outlier detection keeps traffic away, in nanoseconds of the mesh's clock; 0 if it does not.
    public let ejectedUntil = Atomic<UInt64>(0)
    /// Until when a circuit breaker keeps traffic away, likewise.
    public let refusedUntil = Atomic<UInt64>(0)

    /// Creates the state of an endpoint that was not used yet.
    public init(_ endpoint: Endpoint, weight: UInt32 = 1, hashKey: String = "") {
        self.endpoint = endpoint
        self.weight = max(weight, 1)
        self.hashKey = hashKey
    }

    /// Creates the state of an endpoint whose description changed: what is held against its address stays.
    public init(_ endpoint: Endpoint, weight: UInt32, hashKey: String = "", succeeding previous: EndpointState) {
        self.endpoint = endpoint
        self.weight = max(weight, 1)
        self.hashKey = hashKey
        consecutiveFailures.store(previous.consecutiveFailures.load(ordering: .relaxed), ordering: .relaxed)
        ejectedUntil.store(previous.ejectedUntil.load(ordering: .relaxed), ordering: .relaxed)
        refusedUntil.store(previous.refusedUntil.load(ordering: .relaxed), ordering: .relaxed)
    }

    /// Whether the endpoint may be picked at `now`.
    public func isAvailable(at now: MeshInstant) -> Bool {
        ejectedUntil.load(ordering: .relaxed) <= now.nanoseconds
            && refusedUntil.load(ordering: .relaxed) <= now.nanoseconds
    }
}
