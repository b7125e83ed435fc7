// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A share of requests that the runtime may change (`envoy.config.core.v3.RuntimeFractionalPercent`).
public struct RuntimeFraction: Hashable, Sendable {
    /// The share while the runtime says nothing.
    public var share: FractionalPercent
    /// The key by which the runtime is asked; empty for none.
    public var key: String

    /// Creates a share.
    public init(_ share: FractionalPercent, key: String = "") {
        self.share = share
        self.key = key
    }

    /// Whether a request belongs to the share.
    ///
    /// The runtime's word is taken as Envoy takes it: a share as it is, a whole number as percent, a truth value not at
    /// all.
    public func contains(_ facts: RoutingFacts) -> Bool {
        effectiveShare(facts).contains(facts.random)
    }

    /// The share that holds with what the runtime says.
    public func effectiveShare(_ facts: RoutingFacts) -> FractionalPercent {
        guard !key.isEmpty, !facts.runtime.isEmpty else { return share }
        return facts.runtime[key]?.share ?? share
    }
}
