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
    /// When a priority's traffic goes on to the next. Default `spill`, as in Envoy.
    public var priorities: PriorityMode
    /// How the localities of a priority share its traffic. Default `weighted`.
    public var localities: LocalityBalancing
    /// Where this process is, for the own zone's precedence; `nil` if that is not known.
    public var ownZone: OwnZone?

    /// Creates settings.
    public init(
        overprovisioningFactor: UInt32 = 140,
        panicThreshold: UInt32 = 50,
        priorities: PriorityMode = .spill,
        localities: LocalityBalancing = .weighted,
        ownZone: OwnZone? = nil
    ) {
        self.overprovisioningFactor = overprovisioningFactor
        self.panicThreshold = panicThreshold
        self.priorities = priorities
        self.localities = localities
        self.ownZone = ownZone
    }

    /// Whether requests fail rather than go to endpoints that are not well.
    package var failsInPanic: Bool {
        guard case .zoneAware(let zones) = localities else { return false }
        return zones.failsTrafficOnPanic
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
        if case .zoneAware(let zones) = localities {
            _ = problems.nest("localities") { () throws(ConfigurationError) in try zones.validate() }
        }
        try problems.throwIfAny()
    }
}

/// When the traffic of a priority goes on to the next one.
public enum PriorityMode: Hashable, Sendable {
    /// Share by share, as the priority's health declines (Envoy).
    case spill
    /// All at once, when none of the priority's endpoints may be used (gRFC A56). Degraded endpoints count as unhealthy, and
    /// there is no panic.
    ///
    /// Endpoints that no health check has seen yet count as usable for `timer`, so that a better priority is waited for;
    /// gRPC's is 10 s.
    case failover(timer: Nanoseconds)

    /// gRPC's mode.
    public static let grpc = PriorityMode.failover(timer: .seconds(10))
}
