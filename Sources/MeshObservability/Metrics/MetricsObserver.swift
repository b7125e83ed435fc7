// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import Metrics

/// Counts requests, attempts and events through swift-metrics, under the names that Istio's and Envoy's dashboards
/// read.
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `istio_requests_total`, `istio_request_duration_milliseconds` | counter, histogram | Istio's; see below |
/// | `envoy_cluster_upstream_rq_total`, `…_retry`, `…_timeout`, … | counters | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_rq_xx` | counter | and `envoy_response_code_class`, 1 to 5 |
/// | `envoy_cluster_upstream_rq_time` | histogram, milliseconds | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_rq_pending_overflow` | counter of what limits and breakers refuse | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_rq_pending_total`, `…_rx_reset`, `…_tx_reset` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_rq_pending_active`, `…_cx_active` | gauges | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_cx_total`, `…_http1_total`, `…_http2_total` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_cx_connect_fail`, `…_connect_timeout`, `…_overflow` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_cx_connect_ms`, `…_length_ms` | histograms | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_cx_destroy`, `…_destroy_local`, `…_destroy_remote` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_cx_destroy_with_active_rq` | counter | `envoy_cluster_name` |
/// | `…_destroy_local_with_active_rq`, `…_destroy_remote_with_active_rq` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_cx_close_notify`, `…_idle_timeout`, `…_max_requests` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_upstream_cx_max_duration_reached`, `…_protocol_error` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_http2_keepalive_timeout` | counter | `envoy_cluster_name` |
/// | `envoy_cluster_outlier_detection_ejections_enforced_total` | counter | `envoy_cluster_name` |
/// | `envoy_cluster_outlier_detection_ejections_overflow` | counter | `envoy_cluster_name` |
/// | `mesh_outlier_detection_ejections_not_enforced_total` | counter | `envoy_cluster_name` |
/// | `envoy_cluster_health_check_attempt`, `…_success`, `…_failure` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_health_check_network_failure`, `…_passive_failure` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_lb_orca_oob_reports_received`, `…_stream_failures` | counters | `envoy_cluster_name` |
/// | `envoy_cluster_lb_orca_oob_stream_terminated` | counter | `envoy_cluster_name` |
/// | `mesh_circuit_breaker_transitions_total` | counter | and `state` |
/// | `mesh_policy_decisions_total` | counter | `policy`, `name`, `action`, `reason`, `mode` (`enforce` or `observe`) |
/// | `mesh_configuration_generation`, `mesh_configuration_source_connected` | gauges | `source` |
/// | `mesh_last_known_good_total` | counter | `event` (`in_force`, `refused`, `not_written`) |
/// | `mesh_identity_renewals_total` | counter | `result` |
/// | `mesh_authorization_total` | counter | `outcome` (`allowed`, `denied`, `shadow_allowed`, `logged`, …) |
/// | `mesh_authorization_denied_total`, `…_shadow_denied_total` | counters | `policy` (`none`: none allowed it) |
/// | `mesh_host_lookups_total` | counter | `outcome` (`changed`, `unchanged`, `empty`, `failed`, `timed_out`) |
/// | `mesh_host_addresses` | gauge | `host` |
///
/// Istio's labels are `reporter` (`source` for outbound requests, `destination` for inbound ones), `source_workload`,
/// `source_principal`, `destination_workload`, `destination_principal`, `destination_service`,
/// `destination_service_name`, `destination_service_namespace`, `request_protocol`, `response_code`, `response_flags`
/// and `connection_security_policy`; what this side of a call cannot know is `unknown`, as with Istio. Paths and hosts
/// of requests are never labels.
///
/// What is about connections (`cx`, pending requests, resets) comes from transports that report them: a transport has
/// to be given the observers, too. With one that reports nothing, `cx_connect_fail` counts attempts instead. Requests
/// that go where their authority says, without a cluster, have the cluster name `passthrough`.
///
/// Metric objects are made at the first use of their labels and kept, those of a cluster until a configuration without
/// it is in force and its last connection has ended; what a request counts after that goes with the next change of
/// clusters. At most `Configuration.maximumSeries` sets of labels exist in each of the five families; those beyond it
/// share one whose labels are `other`.
public struct MetricsObserver: Observer {
    /// What the observer says about this process, and its bound.
    public struct Configuration: Sendable {
        /// Makes the metrics. Default: the factory that the process has bootstrapped.
        public var factory: any MetricsFactory
        /// The workload that this process belongs to (Istio's `source_workload`, `destination_workload`).
        public var workload: String
        /// The host of the service that this process is an instance of (Istio's `destination_service`).
        public var service: String
        /// This process's own identity (`spiffe://…`), if it has one.
        public var principal: String?
        /// Istio's `request_protocol`. Default `http`.
        public var requestProtocol: String
        /// The most sets of labels in each family; with 0 all share one. Default 1000: some 40 metrics a cluster make
        /// what Prometheus still takes in one scrape.
        public var maximumSeries: Int

        /// Creates a configuration.
        public init(
            factory: any MetricsFactory = MetricsSystem.factory,
            workload: String = "unknown",
            service: String = "unknown",
            principal: String? = nil,
            requestProtocol: String = "http",
            maximumSeries: Int = 1000
        ) {
            self.factory = factory
            self.workload = workload
            self.service = service
            self.principal = principal
            self.requestProtocol = requestProtocol
            self.maximumSeries = maximumSeries
        }
    }

    private let requests: SeriesCache<RequestSeries.Labels, RequestSeries>
    private let clusters: SeriesCache<ClusterSeries.Labels, ClusterSeries>
    private let connections: SeriesCache<ClusterSeries.Labels, ConnectionSeries>
    private let events: SeriesCache<EventSeries.Labels, EventSeries>
    private let decisions: SeriesCache<DecisionSeries.Labels, DecisionSeries>
    private let gone = GoneClusters()

    /// Creates an observer.
    public init(_ configuration: Configuration = Configuration()) {
        let factory = configuration.factory
        requests = SeriesCache(limit: configuration.maximumSeries) { RequestSeries($0, configuration) }
        clusters = SeriesCache(limit: configuration.maximumSeries) { ClusterSeries($0, factory: factory) }
        connections = SeriesCache(limit: configuration.maximumSeries) { ConnectionSeries($0, factory: factory) }
        events = SeriesCache(limit: configuration.maximumSeries) { EventSeries($0, factory: factory) }
        decisions = SeriesCache(limit: configuration.maximumSeries) { DecisionSeries($0, factory: factory) }
    }

    /// Counts an attempt.
    public func attemptFinished(_ record: AttemptRecord, context: CallContext) {
        clusters[ClusterSeries.Labels(cluster: record.cluster)].record(record)
    }

    /// Counts a request.
    public func requestFinished(_ record: RequestRecord, context: CallContext) {
        let series = requests[RequestSeries.Labels(record)]
        series.total.increment()
        series.duration.record(Double(record.duration.rawValue) / 1e6)
        guard record.direction == .outbound, let cluster = record.cluster, !record.flags.isEmpty else { return }
        let clusterSeries = clusters[ClusterSeries.Labels(cluster: cluster)]
        if record.flags.contains(.durationTimeout) { clusterSeries.timeouts.increment() }
        if record.flags.contains(.upstreamRetryLimitExceeded) { clusterSeries.retryLimitExceeded.increment() }
    }

    /// Counts what happened to a connection.
    public func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint) {
        let name = endpoint.cluster.isEmpty ? "passthrough" : endpoint.cluster
        let labels = ClusterSeries.Labels(cluster: name)
        if case .dialing = event { clusters[labels].connectionReports.set() }
        let series = connections[labels]
        series.record(event)
        // That was the last connection of a cluster without a future: nothing is left to be counted of it.
        if event.isEnd, series.isIdle, gone.ended(name) { forget([name]) }
    }

    /// Counts an event.
    public func noticed(_ event: MeshEvent) {
        switch event {
        case .configurationApplied(let generation, let source):
            series(.configurationsApplied, source).increment()
            series(.configurationGeneration, source).set(Double(generation))
        case .clustersChanged(let added, let removed):
            forget(
                gone.changed(added: added, removed: removed) { [connections] name in
                    connections.has(ClusterSeries.Labels(cluster: name))
                }
            )
        case .configurationRejected(let source, _):
            series(.configurationsRejected, source).increment()
        case .configurationIgnored: break
        case .sourceConnection(let source, let isConnected, _):
            series(.sourceConnected, source).set(isConnected ? 1 : 0)
        case .lastKnownGood(_, let event): series(.lastKnownGood, event.name).increment()
        case .loadStatistics(_, let event): series(.loadStatistics, event.name).increment()
        // gRPC's names are `GRPCChannelMetrics`'s; whether a source is connected is told of each server, too.
        case .controlPlane, .resourcesCounted, .weightsUpdated: break
        case .endpointEjected(let cluster, _, _, _, _):
            clusters[ClusterSeries.Labels(cluster: cluster)].ejections.increment()
        case .ejectionWithheld(let cluster, _, _, _, let obstacle):
            let series = clusters[ClusterSeries.Labels(cluster: cluster)]
            (obstacle == .overLimit ? series.ejectionsOverLimit : series.ejectionsNotEnforced).increment()
        case .endpointReturned(let cluster, _):
            clusters[ClusterSeries.Labels(cluster: cluster)].returns.increment()
        case .loadReportRefused(let cluster, _, _):
            clusters[ClusterSeries.Labels(cluster: cluster)].refusedLoadReports.increment()
        case .loadReportReceived(let cluster, _):
            clusters[ClusterSeries.Labels(cluster: cluster)].outOfBandReports.increment()
        case .loadReportCallFailed(let cluster, _, _):
            clusters[ClusterSeries.Labels(cluster: cluster)].outOfBandFailures.increment()
        case .loadReportCallRefused(let cluster, _):
            clusters[ClusterSeries.Labels(cluster: cluster)].outOfBandRefusals.increment()
        case .loadReportsUnavailable: break
        case .endpointProbed(let cluster, _, let outcome):
            clusters[ClusterSeries.Labels(cluster: cluster)].probed(outcome)
        case .endpointHealthChanged, .healthCheckUnavailable: break
        case .circuitBreakerChanged(let cluster, _, _, let state):
            clusters[ClusterSeries.Labels(cluster: cluster)].breakerChanged(to: state)
        case .policyActed(let decision):
            decisions[DecisionSeries.Labels(decision: decision)].total.increment()
        case .retryBudgetExhausted(let cluster):
            clusters[ClusterSeries.Labels(cluster: cluster)].retryOverflows.increment()
        case .identityRenewed(let identity, let validFor):
            series(.identityRenewals, "success").increment()
            series(.identityValidity, identity).set(validFor.seconds)
        case .identityRenewalFailed:
            series(.identityRenewals, "failure").increment()
        case .peerRefused(let refusal):
            series(.peersRefused, "\(refusal.role.rawValue)_\(refusal.reason.rawValue)").increment()
        case .identityExpiring(let identity, let validFor):
            series(.identityValidity, identity).set(validFor.seconds)
        case .hostLookup(let lookup):
            series(.hostLookups, lookup.outcome.rawValue).increment()
            series(.hostAddresses, lookup.host).set(Double(lookup.addresses))
        case .hostsWithoutResolver, .servingModeChanged: break
        case .tokensChecked(_, let refusal):
            series(.tokenChecks, refusal ?? "allowed").increment()
        case .authorizerAsked(_, _, let verdict):
            series(.authorizerQuestions, verdict).increment()
        case .keySetFetched: series(.keySetFetches, "success").increment()
        case .keySetFetchFailed: series(.keySetFetches, "failure").increment()
        case .faultInjected(_, let kind):
            series(.faultsInjected, kind).increment()
        case .authorizationDecided(let decision): decided(decision)
        case .unexpected(let component, _):
            series(.unexpectedEvents, component).increment()
        }
    }

    private func decided(_ decision: AuthorizationDecision) {
        series(.authorizations, decision.outcome.rawValue).increment()
        let policy = decision.prefix + (decision.policy ?? "none")
        switch decision.outcome {
        case .denied: series(.authorizationDenials, policy).increment()
        case .shadowDenied: series(.authorizationShadowDenials, policy).increment()
        case .allowed, .shadowAllowed, .logged, .notLogged: break
        }
    }

    /// Lets go of what was counted of clusters that are gone, where no connection is left to be counted.
    private func forget(_ names: Set<String>) {
        // Without any there is nothing to wait for; with some that are in use there is.
        let forgotten = names.filter { connections.forget(ClusterSeries.Labels(cluster: $0), if: \.isIdle) }
        guard !forgotten.isEmpty else { return }
        clusters.forget { $0.cluster.map(forgotten.contains) ?? false }
        requests.forget { $0.cluster.map(forgotten.contains) ?? false }
    }

    private func series(_ event: EventSeries.Labels.Event, _ value: String) -> EventSeries {
        events[EventSeries.Labels(event: event, value: value)]
    }
}
