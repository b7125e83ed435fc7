// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a picker may know of the request that it picks an endpoint for.
public struct PickRequest: Sendable {
    /// The current instant, by which ejections are judged.
    public var now: MeshInstant
    /// Endpoints that were tried already; they are picked only if there is no other.
    public var excluded: [EndpointAddress]
    /// The request's hash, by which consistent balancers pick; `nil` if it has none, and they draw one.
    public var hash: UInt64?
    /// A bit for each priority that it is to avoid as long as there are others that can take anything; none as a rule.
    public var avoidedPriorities: UInt64 = 0
    /// The priority that was chosen for it already; `nil` if the picker chooses.
    public var priority: PriorityLoad.Choice?
    /// Whether ejections are overlooked, as they are in panic.
    let overlooksEjections: Bool

    /// Describes a request.
    public init(at now: MeshInstant, excluding excluded: [EndpointAddress] = [], hash: UInt64? = nil) {
        self.now = now
        self.excluded = excluded
        self.hash = hash
        self.overlooksEjections = false
    }

    /// Describes a request to a picker within.
    init(at now: MeshInstant, excluding excluded: [EndpointAddress], hash: UInt64?, overlooksEjections: Bool) {
        self.now = now
        self.excluded = excluded
        self.hash = hash
        self.overlooksEjections = overlooksEjections
    }
}

extension EndpointState {
    /// Whether the endpoint may be picked for a request.
    @inline(__always)
    func isUsable(for request: borrowing PickRequest) -> Bool {
        !isRefused(at: request.now) && (request.overlooksEjections || !isEjected(at: request.now))
    }

    /// Whether the endpoint may be picked for a request, and was not tried for it already.
    @inline(__always)
    func suits(_ request: borrowing PickRequest) -> Bool {
        guard isUsable(for: request) else { return false }
        return request.excluded.isEmpty || !request.excluded.contains(endpoint.address)
    }
}
