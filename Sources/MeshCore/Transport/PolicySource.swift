// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Where a layer finds its policy for a request: a fixed value, or the route or cluster that the context carries.
///
/// The shape of a stack never changes when configuration does; what changes is what the sources return. Called once a
/// request on the request path, from any thread; it does not wait and does not allocate.
public protocol PolicySource<Policy>: Sendable {
    /// The policy that is found.
    associatedtype Policy: Sendable

    /// The policy for this request; `nil` leaves the layer out.
    func policy(for context: CallContext) -> Policy?
}

/// The same policy for every request: what a stack without routing uses.
public struct FixedPolicy<Policy: Sendable>: PolicySource {
    /// The policy; `nil` leaves the layer out.
    public let policy: Policy?

    /// Creates a source that always returns `policy`.
    public init(_ policy: Policy?) {
        self.policy = policy
    }

    /// The policy.
    @inlinable
    public func policy(for context: CallContext) -> Policy? {
        policy
    }
}
