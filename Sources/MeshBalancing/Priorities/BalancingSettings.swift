// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How a cluster's priorities share its traffic, whatever the policy among their endpoints.
public struct BalancingSettings: Hashable, Sendable {
    /// How much of its share a healthy endpoint is counted on to take, in percent; at least 1.
    ///
    /// Default 140: Envoy's `ClusterLoadAssignment.Policy.overprovisioning_factor`.
    public var overprovisioningFactor: UInt32
    /// Below which percentage of usable endpoints a priority uses all of its endpoints, ejected and unhealthy ones, too; 0
    /// for never, at most 100.
    ///
    /// Default 50: Envoy's `healthy_panic_threshold`. Istio sets 0 (`minHealthPercent`).
    public var panicThreshold: UInt32

    /// Creates settings.
    public init(overprovisioningFactor: UInt32 = 140, panicThreshold: UInt32 = 50) {
        self.overprovisioningFactor = overprovisioningFactor
        self.panicThreshold = panicThreshold
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            overprovisioningFactor > 0,
            "overprovisioningFactor",
            "must be at least 1"
        )
        problems.require(panicThreshold <= 100, "panicThreshold", "must be at most 100, is \(panicThreshold)")
        try problems.throwIfAny()
    }
}
