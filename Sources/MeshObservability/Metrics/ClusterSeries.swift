// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics
import Synchronization

/// What is counted of the attempts at one upstream cluster, under the names that Envoy's Prometheus endpoint uses.
final class ClusterSeries: ForgettableSeries {
    /// A cluster's name; `nil` for all clusters beyond the bound.
    struct Labels: SeriesLabels {
        var cluster: String?

        var overflow: Labels { Labels(cluster: nil) }
    }

    /// Attempts that ended.
    let attempts: Counter
    /// Attempts by the first digit of their status code, 1 to 5.
    private let attemptsByClass: [Counter]
    /// Time from an attempt's start to its end, in milliseconds.
    let attemptTime: Recorder
    /// Attempts after the first.
    let retries: Counter
    /// Retries that succeeded.
    let retrySuccesses: Counter
    /// Retries that the budget refused.
    let retryOverflows: Counter
    /// Requests that failed after their last permitted attempt.
    let retryLimitExceeded: Counter
    /// Attempts that took longer than one may.
    let attemptTimeouts: Counter
    /// Requests that took longer than they may.
    let timeouts: Counter
    /// Attempts that a limit or an open breaker refused.
    let overflows: Counter
    /// Attempts whose connection could not be made, where the transport does not say so itself.
    let connectFailures: Counter
    /// Whether the transport reports its connections, which are then counted once each and not with every attempt that
    /// waited for them.
    let connectionReports = Flag()
    /// Attempts that their caller gave up.
    let cancellations: Counter
    /// Endpoints that were ejected.
    let ejections: Counter
    /// Endpoints that came back after an ejection.
    let returns: Counter
    let refusedLoadReports: Counter
    /// Load reports apart from answers, calls for them that ended, and those that are not made again.
    let outOfBandReports: Counter
    let outOfBandFailures: Counter
    let outOfBandRefusals: Counter
    let ejectionsOverLimit: Counter
    let ejectionsNotEnforced: Counter
    private let breakerTransitions: [String: Counter]
    /// Probes of active health checks, and how they turned out.
    private let probes: Counter
    private let probeSuccesses: Counter
    private let probeFailures: Counter
    private let probeNetworkFailures: Counter
    private let probePassiveFailures: Counter

    init(_ labels: Labels, factory: any MetricsFactory) {
        let cluster = ("envoy_cluster_name", labels.cluster ?? "other")
        func counter(_ name: String, _ more: (String, String)...) -> Counter {
            Counter(label: name, dimensions: [cluster] + more, factory: factory)
        }
        attempts = counter("envoy_cluster_upstream_rq_total")
        attemptsByClass = (1...5).map {
            counter("envoy_cluster_upstream_rq_xx", ("envoy_response_code_class", String($0)))
        }
        attemptTime = Recorder(
            label: "envoy_cluster_upstream_rq_time",
            dimensions: [cluster],
            aggregate: true,
            factory: factory
        )
        retries = counter("envoy_cluster_upstream_rq_retry")
        retrySuccesses = counter("envoy_cluster_upstream_rq_retry_success")
        retryOverflows = counter("envoy_cluster_upstream_rq_retry_overflow")
        retryLimitExceeded = counter("envoy_cluster_upstream_rq_retry_limit_exceeded")
        attemptTimeouts = counter("envoy_cluster_upstream_rq_per_try_timeout")
        timeouts = counter("envoy_cluster_upstream_rq_timeout")
        overflows = counter("envoy_cluster_upstream_rq_pending_overflow")
        connectFailures = counter("envoy_cluster_upstream_cx_connect_fail")
        cancellations = counter("envoy_cluster_upstream_rq_cancelled")
        ejections = counter("envoy_cluster_outlier_detection_ejections_enforced_total")
        ejectionsOverLimit = counter("envoy_cluster_outlier_detection_ejections_overflow")
        ejectionsNotEnforced = counter("mesh_outlier_detection_ejections_not_enforced_total")
        returns = counter("mesh_outlier_detection_returns_total")
        refusedLoadReports = counter("mesh_load_reports_refused_total")
        outOfBandReports = counter("envoy_cluster_lb_orca_oob_reports_received")
        outOfBandFailures = counter("envoy_cluster_lb_orca_oob_stream_failures")
        outOfBandRefusals = counter("envoy_cluster_lb_orca_oob_stream_terminated")
        probes = counter("envoy_cluster_health_check_attempt")
        probeSuccesses = counter("envoy_cluster_health_check_success")
        probeFailures = counter("envoy_cluster_health_check_failure")
        probeNetworkFailures = counter("envoy_cluster_health_check_network_failure")
        probePassiveFailures = counter("envoy_cluster_health_check_passive_failure")
        breakerTransitions = Dictionary(
            uniqueKeysWithValues: ["closed", "open", "half-open"].map {
                ($0, counter("mesh_circuit_breaker_transitions_total", ("state", $0)))
            }
        )
    }

    func record(_ record: AttemptRecord) {
        attempts.increment()
        attemptTime.record(Double(record.duration.rawValue) / 1e6)
        if (100..<600).contains(record.status) { attemptsByClass[record.status / 100 - 1].increment() }
        if record.attempt > 1 {
            retries.increment()
            if record.outcome == .success { retrySuccesses.increment() }
        }
        guard let error = record.error else { return }
        switch (error as? MeshError)?.code {
        case .attemptTimeout: attemptTimeouts.increment()
        case .overflow, .circuitOpen: overflows.increment()
        case .connectionFailed: if !connectionReports.isSet { connectFailures.increment() }
        case .cancelled: cancellations.increment()
        case nil where error is CancellationError: cancellations.increment()
        default: break
        }
    }

    func destroy() {
        let counters = [
            attempts, retries, retrySuccesses, retryOverflows, retryLimitExceeded, attemptTimeouts, timeouts, overflows,
            connectFailures, cancellations, ejections, returns, refusedLoadReports, outOfBandReports,
            outOfBandFailures, outOfBandRefusals, ejectionsOverLimit, ejectionsNotEnforced, probes, probeSuccesses,
            probeFailures, probeNetworkFailures, probePassiveFailures,
        ]
        for counter in counters + attemptsByClass + breakerTransitions.values { counter.destroy() }
        attemptTime.destroy()
    }

    /// Counts a breaker's new state; a state of another name than ours is not counted, because its label would be
    /// unbounded.
    func breakerChanged(to state: String) {
        breakerTransitions[state]?.increment()
    }

    /// Counts a probe as Envoy does: every failure is one, whatever kind it is of besides.
    func probed(_ outcome: HealthProbeOutcome) {
        if outcome != .passiveFailure { probes.increment() }
        switch outcome {
        case .success: return probeSuccesses.increment()
        case .failure: break
        case .networkFailure: probeNetworkFailures.increment()
        case .passiveFailure: probePassiveFailures.increment()
        }
        probeFailures.increment()
    }

    /// A fact that becomes true once and stays so.
    final class Flag: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .relaxed) }

        func set() { value.store(true, ordering: .relaxed) }
    }
}
