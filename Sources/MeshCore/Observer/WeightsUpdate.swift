// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What came of it when a balancer took its endpoints' weights anew from their load reports (gRFC A58, A78).
public struct WeightsUpdate: Hashable, Sendable {
    /// The cluster.
    public var cluster: String
    /// The place that the balancer's endpoints are all in; `nil` if they are in several.
    public var locality: Locality?
    /// The endpoints' weights, in their order; 0 for those that have none that can be used.
    public var weights: [Double]
    /// How many of them have no weight that can be used yet: they have not reported, or not for long enough.
    public var notYetUsable: Int
    /// How many have not reported for too long.
    public var stale: Int

    /// Describes an update.
    public init(cluster: String, locality: Locality?, weights: [Double], notYetUsable: Int, stale: Int) {
        self.cluster = cluster
        self.locality = locality
        self.weights = weights
        self.notYetUsable = notYetUsable
        self.stale = stale
    }

    /// Whether fewer than two endpoints have a weight, so that they all take plain turns.
    public var fallsBack: Bool { weights.count - notYetUsable - stale < 2 }
}
