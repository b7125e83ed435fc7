// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What active checks say of an endpoint: nothing held against it if empty.
public struct ActiveHealth: OptionSet, Hashable, Sendable {
    /// The bits.
    public var rawValue: UInt8

    /// Creates a set.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// It is not to be used (Envoy's `FAILED_ACTIVE_HC`).
    public static let failed = ActiveHealth(rawValue: 1)
    /// It is to be used after others (Envoy's `DEGRADED_ACTIVE_HC`).
    public static let degraded = ActiveHealth(rawValue: 2)
    /// While it is not to be used, it counts as if it were not there (Envoy's `EXCLUDED_VIA_IMMEDIATE_HC_FAIL`).
    public static let excluded = ActiveHealth(rawValue: 4)
    /// The same until its first probe has ended (Envoy's `PENDING_ACTIVE_HC`).
    public static let pending = ActiveHealth(rawValue: 8)

    /// What follows for balancers, as `Host::coarseHealth` has it in Envoy: the worse of what both say.
    public func combined(with stated: EndpointHealth) -> EndpointHealth {
        if contains(.failed) || stated == .unhealthy { return .unhealthy }
        return contains(.degraded) ? .degraded : stated
    }

    /// Whether the endpoint counts as if it were not there.
    public var isExcluded: Bool {
        contains(.pending) || isSuperset(of: [.failed, .excluded])
    }
}
