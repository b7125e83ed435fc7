// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something that happened in the mesh and is not about one request. More cases may come: switch with a default.
public enum MeshEvent: Sendable {
    /// A configuration is in force.
    case configurationApplied(generation: UInt64, source: String)
    /// A configuration was refused; the last good one stays in force.
    case configurationRejected(source: String, error: any Error)
    /// A configuration is in force, and these fields of it have no effect: told when they are others than before.
    case configurationIgnored(source: String, fields: [IgnoredField])
    /// The connection to a configuration source changed.
    case sourceConnection(source: String, isConnected: Bool, reason: String?)
    /// An endpoint gets no more traffic for a while.
    case endpointEjected(cluster: String, endpoint: EndpointAddress, duration: Nanoseconds, reason: String)
    /// An endpoint broke a rule of outlier detection, and gets traffic all the same.
    case ejectionWithheld(cluster: String, endpoint: EndpointAddress, reason: String, because: EjectionObstacle)
    /// An endpoint gets traffic again.
    case endpointReturned(cluster: String, endpoint: EndpointAddress)
    /// A circuit breaker changed its state.
    case circuitBreakerChanged(cluster: String, endpoint: EndpointAddress?, from: String, to: String)
    /// A policy did something to a call, or would have done it.
    case policyActed(PolicyDecision)
    /// A retry was wanted and its budget refused it.
    case retryBudgetExhausted(cluster: String)
    /// An identity was issued or renewed, valid for that long.
    case identityRenewed(identity: String, validFor: Nanoseconds)
    /// An identity could not be renewed; the last one stays in use.
    case identityRenewalFailed(error: any Error)
    /// A fault was injected.
    case faultInjected(route: String, kind: String)
    /// Something happened that a machine did not expect; it carried on.
    case unexpected(component: String, message: String)
}

/// Why an endpoint that broke a rule is not ejected.
public enum EjectionObstacle: String, Hashable, Sendable {
    /// The rule is enforced in a part of the cases only, or never.
    case notEnforced = "not_enforced"
    /// As many are ejected as may be.
    case overLimit = "over_limit"
}
