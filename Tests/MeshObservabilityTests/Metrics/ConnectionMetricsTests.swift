// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import CoreMetrics
import MeshCore
import MetricsTestKit
import Testing

@testable import MeshObservability

@Suite struct ConnectionMetricsTests {
    private let backend = TestMetrics()
    private let endpoint = Endpoint(address: EndpointAddress(host: "10.0.0.1", port: 80), cluster: "c")

    private func observer(maximumSeries: Int = 1000) -> MetricsObserver {
        MetricsObserver(MetricsObserver.Configuration(factory: backend, maximumSeries: maximumSeries))
    }

    private func counters(_ cluster: String = "c") -> [String: Int64] {
        var totals: [String: Int64] = [:]
        for counter in backend.counters
        where counter.dimensions.contains(where: { $0 == ("envoy_cluster_name", cluster) }) {
            guard counter.totalValue > 0 else { continue }
            totals[counter.label.replacing("envoy_cluster_", with: ""), default: 0] += counter.totalValue
        }
        return totals
    }

    private func gauge(_ name: String) throws -> Double? {
        try backend.expectMeter("envoy_cluster_\(name)", [("envoy_cluster_name", "c")]).values.last
    }

    private func recorded(_ name: String) throws -> [Double] {
        try backend.expectRecorder("envoy_cluster_\(name)", [("envoy_cluster_name", "c")]).values
    }

    private static let life: [ConnectionEvent] = [.dialing, .ready(.http2, after: .milliseconds(3))]

    @Test func `a connection is counted from its beginning to its end`() throws {
        let observer = observer()
        for event in Self.life { observer.connectionChanged(event, endpoint: endpoint) }
        #expect(counters() == ["upstream_cx_total": 1, "upstream_cx_http2_total": 1])
        #expect(try gauge("upstream_cx_active") == 1)
        #expect(try recorded("upstream_cx_connect_ms") == [3])
        observer.connectionChanged(.draining(.http2, .age), endpoint: endpoint)
        #expect(counters()["upstream_cx_max_duration_reached"] == nil)
        observer.connectionChanged(.closed(.http2, .age, after: .seconds(2), activeRequests: 0), endpoint: endpoint)
        #expect(
            counters() == [
                "upstream_cx_total": 1, "upstream_cx_http2_total": 1, "upstream_cx_max_duration_reached": 1,
                "upstream_cx_destroy": 1, "upstream_cx_destroy_local": 1,
            ]
        )
        #expect(try gauge("upstream_cx_active") == 0)
        #expect(try recorded("upstream_cx_length_ms") == [2000])
    }

    static let reasons: [(ConnectionClosing, String?, isRemote: Bool)] = [
        (.remote, nil, true), (.peerAnnounced, "upstream_cx_close_notify", false),
        (.idle, "upstream_cx_idle_timeout", false), (.age, "upstream_cx_max_duration_reached", false),
        (.maximumRequests, "upstream_cx_max_requests", false),
        (.keepaliveTimeout, "http2_keepalive_timeout", false),
        (.protocolError, "upstream_cx_protocol_error", false), (.exchangeAbandoned, nil, false),
        (.condemned, nil, false),
    ]

    @Test(arguments: reasons)
    func `the end of a connection is counted by its reason and its side`(
        reason: ConnectionClosing,
        name: String?,
        isRemote: Bool
    ) {
        let observer = observer()
        observer.connectionChanged(.dialing, endpoint: endpoint)
        observer.connectionChanged(.closed(.http1, reason, after: .zero, activeRequests: 3), endpoint: endpoint)
        let side = isRemote ? "remote" : "local"
        var expected: [String: Int64] = [
            "upstream_cx_total": 1, "upstream_cx_destroy": 1, "upstream_cx_destroy_\(side)": 1,
            "upstream_cx_destroy_with_active_rq": 1, "upstream_cx_destroy_\(side)_with_active_rq": 1,
        ]
        if let name { expected[name] = 1 }
        #expect(counters() == expected)
    }

    @Test func `a connection that cannot be made is counted once, however many attempts wait for it`() throws {
        let observer = observer()
        for isTimeout in [true, false] {
            observer.connectionChanged(.dialing, endpoint: endpoint)
            observer.connectionChanged(
                .connectFailed(isTimeout: isTimeout, error: CancellationError()),
                endpoint: endpoint
            )
        }
        for _ in 0..<5 { observer.attemptFinished(.connectionFailed("c"), context: .fresh) }
        var totals = counters()
        totals["upstream_rq_total"] = nil
        #expect(
            totals == [
                "upstream_cx_total": 2, "upstream_cx_connect_fail": 2, "upstream_cx_connect_timeout": 1,
                "upstream_cx_destroy": 2, "upstream_cx_destroy_local": 1, "upstream_cx_destroy_remote": 1,
            ]
        )
        #expect(try gauge("upstream_cx_active") == 0)
    }

    @Test func `a transport that reports no connections has its failed attempts counted`() {
        let observer = observer()
        observer.connectionChanged(.dialing, endpoint: endpoint)
        for _ in 0..<5 { observer.attemptFinished(.connectionFailed("other"), context: .fresh) }
        #expect(counters("other")["upstream_cx_connect_fail"] == 5)
        #expect(counters()["upstream_cx_connect_fail"] == nil)
    }

    @Test func `requests that wait and streams that are reset are counted`() throws {
        let observer = observer()
        let events: [ConnectionEvent] = [
            .requestPending, .requestPending, .requestNotPending, .pendingOverflow, .connectionOverflow,
            .streamResetReceived, .streamResetSent, .streamResetSent,
        ]
        for event in events { observer.connectionChanged(event, endpoint: endpoint) }
        // A refused request is counted when its attempt ends, together with those that the cluster's limit refuses.
        #expect(
            counters() == [
                "upstream_rq_pending_total": 2, "upstream_cx_overflow": 1, "upstream_rq_rx_reset": 1,
                "upstream_rq_tx_reset": 2,
            ]
        )
        #expect(try gauge("upstream_rq_pending_active") == 1)
    }

    @Test func `clusters beyond the bound share a series, and nothing is lost`() {
        let observer = observer(maximumSeries: 10)
        for number in 0..<100 {
            var endpoint = endpoint
            endpoint.cluster = "c\(number)"
            observer.connectionChanged(.dialing, endpoint: endpoint)
        }
        #expect(backend.counters(label: "envoy_cluster_upstream_cx_total").count == 11)
        #expect(counters("other")["upstream_cx_total"] == 90)
    }

    @Test func `connections of no cluster are those of requests that pass through`() {
        observer().connectionChanged(.dialing, endpoint: Endpoint(address: endpoint.address))
        #expect(counters("passthrough")["upstream_cx_total"] == 1)
    }
}

extension AttemptRecord {
    fileprivate static func connectionFailed(_ cluster: String) -> AttemptRecord {
        AttemptRecord(
            cluster: cluster,
            endpoint: nil,
            attempt: 1,
            status: 0,
            outcome: .failure,
            duration: .zero,
            error: MeshError(.connectionFailed, origin: .upstream, message: "")
        )
    }
}
