// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics
import Synchronization

/// What is counted of the connections to one upstream cluster, under the names that Envoy's Prometheus endpoint uses.
///
/// Each connection that was begun (`cx_total`) is active until it has ended (`cx_destroy`), be it that it could not be
/// made, so that `cx_total - cx_destroy == cx_active`, as in Envoy. Why it ended is counted when it has ended.
struct ConnectionSeries: ForgettableSeries {
    /// How many connections there are: as long as one is there, its end will be counted.
    private final class Open: Sendable {
        let count = Atomic(0)
    }

    private let open = Open()
    private let total: Counter
    private let active: Meter
    private let http1: Counter
    private let http2: Counter
    private let connectFailures: Counter
    private let connectTimeouts: Counter
    private let connectTime: Recorder
    private let length: Recorder
    private let destroyed: Ends
    private let destroyedWithRequests: Ends
    private let reasons: [ConnectionClosing: Counter]
    private let overflows: Counter
    private let pendingTotal: Counter
    private let pendingActive: Meter
    private let resetsReceived: Counter
    private let resetsSent: Counter

    /// Ends of connections: all of them, and by the side that ended them.
    private struct Ends {
        let all: Counter
        let local: Counter
        let remote: Counter

        func increment(isRemote: Bool) {
            all.increment()
            (isRemote ? remote : local).increment()
        }
    }

    init(_ labels: ClusterSeries.Labels, factory: any MetricsFactory) {
        let dimensions = [("envoy_cluster_name", labels.cluster ?? "other")]
        func counter(_ name: String) -> Counter {
            Counter(label: "envoy_cluster_\(name)", dimensions: dimensions, factory: factory)
        }
        func gauge(_ name: String) -> Meter {
            Meter(label: "envoy_cluster_\(name)", dimensions: dimensions, factory: factory)
        }
        func histogram(_ name: String) -> Recorder {
            Recorder(label: "envoy_cluster_\(name)", dimensions: dimensions, aggregate: true, factory: factory)
        }
        total = counter("upstream_cx_total")
        active = gauge("upstream_cx_active")
        http1 = counter("upstream_cx_http1_total")
        http2 = counter("upstream_cx_http2_total")
        connectFailures = counter("upstream_cx_connect_fail")
        connectTimeouts = counter("upstream_cx_connect_timeout")
        connectTime = histogram("upstream_cx_connect_ms")
        length = histogram("upstream_cx_length_ms")
        destroyed = Ends(
            all: counter("upstream_cx_destroy"),
            local: counter("upstream_cx_destroy_local"),
            remote: counter("upstream_cx_destroy_remote")
        )
        destroyedWithRequests = Ends(
            all: counter("upstream_cx_destroy_with_active_rq"),
            local: counter("upstream_cx_destroy_local_with_active_rq"),
            remote: counter("upstream_cx_destroy_remote_with_active_rq")
        )
        reasons = [
            .peerAnnounced: counter("upstream_cx_close_notify"),
            .idle: counter("upstream_cx_idle_timeout"),
            .age: counter("upstream_cx_max_duration_reached"),
            .maximumRequests: counter("upstream_cx_max_requests"),
            .protocolError: counter("upstream_cx_protocol_error"),
            .keepaliveTimeout: counter("http2_keepalive_timeout"),
        ]
        overflows = counter("upstream_cx_overflow")
        pendingTotal = counter("upstream_rq_pending_total")
        pendingActive = gauge("upstream_rq_pending_active")
        resetsReceived = counter("upstream_rq_rx_reset")
        resetsSent = counter("upstream_rq_tx_reset")
    }

    /// Whether there are no connections.
    var isIdle: Bool { open.count.load(ordering: .relaxed) <= 0 }

    func destroy() {
        let counters = [
            total, http1, http2, connectFailures, connectTimeouts, destroyed.all, destroyed.local, destroyed.remote,
            destroyedWithRequests.all, destroyedWithRequests.local, destroyedWithRequests.remote, overflows,
            pendingTotal, resetsReceived, resetsSent,
        ]
        for counter in counters + reasons.values { counter.destroy() }
        for meter in [active, pendingActive] { meter.destroy() }
        for recorder in [connectTime, length] { recorder.destroy() }
    }

    func record(_ event: ConnectionEvent) {
        switch event {
        case .dialing:
            open.count.wrappingAdd(1, ordering: .relaxed)
            total.increment()
            active.increment()
        case .ready(let spoken, let duration):
            (spoken == .http2 ? http2 : http1).increment()
            connectTime.record(Double(duration.rawValue) / 1e6)
        case .connectFailed(let isTimeout, _):
            connectFailures.increment()
            if isTimeout { connectTimeouts.increment() }
            open.count.wrappingSubtract(1, ordering: .relaxed)
            active.decrement()
            // Whoever waits for too long hangs up himself; everything else comes from the peer or its network.
            destroyed.increment(isRemote: !isTimeout)
        case .closed(_, let reason, let duration, let activeRequests, _):
            open.count.wrappingSubtract(1, ordering: .relaxed)
            active.decrement()
            length.record(Double(duration.rawValue) / 1e6)
            // After an announcement it is this side that closes.
            let isRemote = reason == .remote
            destroyed.increment(isRemote: isRemote)
            if activeRequests > 0 { destroyedWithRequests.increment(isRemote: isRemote) }
            reasons[reason]?.increment()
        case .requestPending:
            pendingTotal.increment()
            pendingActive.increment()
        case .requestNotPending: pendingActive.decrement()
        case .connectionOverflow: overflows.increment()
        case .streamResetReceived: resetsReceived.increment()
        case .streamResetSent: resetsSent.increment()
        // A connection that drains is counted when it has ended; a refused request with the attempts, because the
        // cluster's own limits refuse some under the same name.
        // Which address a connection has is for logs.
        case .draining, .pendingOverflow, .connected: break
        }
    }
}

extension ConnectionEvent {
    /// Whether there is a connection less than before.
    var isEnd: Bool {
        switch self {
        case .connectFailed, .closed: true
        default: false
        }
    }
}
