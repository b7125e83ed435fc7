// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something that happened in the mesh and is not about one request. More cases may come: switch with a default.
public enum MeshEvent: Sendable {
    /// A configuration is in force.
    case configurationApplied(generation: UInt64, source: String)
    /// The configuration in force has clusters that it did not have, and others not any more: who keeps something by
    /// cluster lets go of it. Told before `configurationApplied`, where there are any; not of the first configuration.
    case clustersChanged(added: Set<String>, removed: Set<String>)
    /// A configuration was refused; the last good one stays in force.
    case configurationRejected(source: String, error: any Error)
    /// A configuration is in force, and these fields of it have no effect: told when they are others than before.
    case configurationIgnored(source: String, fields: [IgnoredField])
    /// The connection to a configuration source changed.
    case sourceConnection(source: String, isConnected: Bool, reason: String?)
    /// Something happened between a source and one of its control planes, which is named by its URI; one of
    /// an authority's list with what for, since the same server may stand in several.
    case controlPlane(server: String, ControlPlaneEvent)
    /// So many resources of a source are in these states, and in no other; those of which there were some when this was
    /// told last, and are none now, are counted as 0. Told when it has changed, of many resources once a second at most.
    case resourcesCounted(source: String, [ResourceCount])
    /// Something happened to the last good configuration that a source keeps on disk.
    case lastKnownGood(source: String, LastKnownGoodEvent)
    /// Something happened to the reports by which a source tells its control plane of requests.
    case loadStatistics(source: String, LoadStatisticsEvent)
    /// An endpoint gets no more traffic for a while. `rule` is the one that it broke, by the name that Envoy's statistics
    /// have for it (`success_rate`); `reason` says so in words.
    case endpointEjected(
        cluster: String,
        endpoint: EndpointAddress,
        duration: Nanoseconds,
        rule: String,
        reason: String
    )
    /// An endpoint broke a rule of outlier detection, and gets traffic all the same.
    case ejectionWithheld(
        cluster: String,
        endpoint: EndpointAddress,
        rule: String,
        reason: String,
        because: EjectionObstacle
    )
    /// An endpoint gets traffic again.
    case endpointReturned(cluster: String, endpoint: EndpointAddress)
    /// A load report that came with an endpoint's answer, or apart from answers, could not be read; the answer is none
    /// the worse for it.
    case loadReportRefused(cluster: String, endpoint: EndpointAddress, reason: String)
    /// An endpoint has reported its load apart from answers.
    case loadReportReceived(cluster: String, endpoint: EndpointAddress)
    /// The call by which an endpoint reports its load apart from answers has ended; it is made again after a while.
    case loadReportCallFailed(cluster: String, endpoint: EndpointAddress, reason: String)
    /// An endpoint does not implement reports apart from answers, and is asked no more.
    case loadReportCallRefused(cluster: String, endpoint: EndpointAddress)
    /// A cluster's balancer has taken the weights of its endpoints anew from their load reports.
    case weightsUpdated(WeightsUpdate)
    /// A cluster's balancer wants reports apart from answers, and nobody in this process can ask its endpoints.
    case loadReportsUnavailable(cluster: String)
    /// An active health check, or an answer that speaks for one, has found an endpoint `healthy`, `degraded` or
    /// `unhealthy`, and it was not before. What the control plane says of it counts, too, and is not told here.
    case endpointHealthChanged(cluster: String, endpoint: EndpointAddress, health: String, reason: String?)
    /// A probe of an active health check has ended.
    case endpointProbed(cluster: String, endpoint: EndpointAddress, outcome: HealthProbeOutcome)
    /// A cluster has a health check, and nobody in this process can ask its endpoints: they count as healthy.
    case healthCheckUnavailable(cluster: String)
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
    /// The other end of a connection was refused for its certificate, or for want of one.
    case peerRefused(PeerRefusal)
    /// An identity that should have been renewed by now is valid for that long still; zero if it has expired.
    case identityExpiring(identity: String, validFor: Nanoseconds)
    /// A host name of clusters was looked up.
    case hostLookup(HostLookup)
    /// These clusters' endpoints come from DNS, and the mesh has no resolver: their names go to the transport as they are.
    case hostsWithoutResolver(clusters: [String])
    /// The tokens of a request were looked at: `nil` if it may pass, or the reason for which it may not, one of some thirty.
    case tokensChecked(listener: String, refusal: String?)
    /// A service was asked whether a request may pass: `ok`, `denied`, `error`, `failure_mode_allowed`, or `disabled` where
    /// requests are refused without being asked about.
    case authorizerAsked(listener: String, service: String, verdict: String)
    /// A key set that a server has was fetched, with so many keys that can be used.
    case keySetFetched(uri: String, keys: Int, isNew: Bool)
    /// A key set could not be fetched; the last one stays in use.
    case keySetFetchFailed(uri: String, reason: String)
    /// A fault was injected.
    case faultInjected(route: String, kind: String)
    /// Authorization rules have judged a request that came in.
    case authorizationDecided(AuthorizationDecision)
    /// A server that serves by its listener takes connections, or refuses them for that reason (gRFC A36).
    case servingModeChanged(address: EndpointAddress, notServing: String?)
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

/// What a probe of an active health check counts as, in the names of Envoy's statistics.
public enum HealthProbeOutcome: String, Hashable, Sendable {
    /// The endpoint is well.
    case success
    /// Its answer says that it is not.
    case failure
    /// There was no answer: no connection, a broken one, or no time left.
    case networkFailure = "network_failure"
    /// No probe: the answer to a request said that no more should come.
    case passiveFailure = "passive_failure"
}
