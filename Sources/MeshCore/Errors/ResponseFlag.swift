// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Envoy's response flags (`%RESPONSE_FLAGS%`): a bounded vocabulary for metrics labels and access logs.
public enum ResponseFlag: String, Hashable, Sendable, CaseIterable {
    /// No healthy upstream host.
    case noHealthyUpstream = "UH"
    /// Upstream connection failure.
    case upstreamConnectionFailure = "UF"
    /// Upstream overflow (a concurrency limit or an open breaker).
    case upstreamOverflow = "UO"
    /// No route found.
    case noRouteFound = "NR"
    /// Upstream retry limit exceeded.
    case upstreamRetryLimitExceeded = "URX"
    /// No cluster found.
    case noClusterFound = "NC"
    /// Duration timeout: the whole request took too long.
    case durationTimeout = "DT"
    /// Downstream connection termination.
    case downstreamConnectionTermination = "DC"
    /// Upstream request timeout.
    case upstreamRequestTimeout = "UT"
    /// Upstream connection termination.
    case upstreamConnectionTermination = "UC"
    /// A delay was injected.
    case delayInjected = "DI"
    /// An abort was injected.
    case faultInjected = "FI"
    /// A rate limit refused it.
    case rateLimited = "RL"
    /// Authorization refused it.
    case unauthorizedExternalService = "UAEX"
    /// Dropped to protect somebody from overload.
    case overloadManager = "OM"
    /// Dropped because the control plane said so.
    case dropOverload = "DO"
    /// Upstream protocol error.
    case upstreamProtocolError = "UPE"
    /// Downstream protocol error.
    case downstreamProtocolError = "DPE"
    /// The rate limit service failed, and the request was refused for it.
    case rateLimitServiceError = "RLSE"
}
