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

    /// Describes a request.
    @inlinable
    public init(at now: MeshInstant, excluding excluded: [EndpointAddress] = [], hash: UInt64? = nil) {
        self.now = now
        self.excluded = excluded
        self.hash = hash
    }
}

extension EndpointState {
    /// Whether the endpoint may be picked for a request, and was not tried for it already.
    @inline(__always)
    func suits(_ request: borrowing PickRequest) -> Bool {
        guard isAvailable(at: request.now) else { return false }
        return request.excluded.isEmpty || !request.excluded.contains(endpoint.address)
    }
}
