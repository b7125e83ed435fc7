// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import CoreMetrics
import MeshCore
import MeshObservability
import MetricsTestKit
import Testing

@Suite struct GRPCChannelMetricsTests {
    private let metrics = TestMetrics()
    private let observer: GRPCChannelMetrics

    private static let target = ("grpc.target", "#mesh")
    private static let locality = Locality(region: "eu", zone: "eu-1", subZone: "a")
    private static let place = ("grpc.lb.locality", #"{region="eu", zone="eu-1", sub_zone="a"}"#)

    init() {
        observer = GRPCChannelMetrics(.init(factory: metrics))
    }

    private func endpoint(_ cluster: String, _ security: Endpoint.Security = .plaintext) -> Endpoint {
        let address = EndpointAddress(host: "10.0.0.1", port: 80)
        return Endpoint(address: address, security: security, cluster: cluster, locality: Self.locality)
    }

    private func labels(_ more: [(String, String)] = []) -> [(String, String)] { [Self.target] + more }

    private func ofCluster(_ cluster: String, _ more: [(String, String)] = []) -> [(String, String)] {
        labels(more + [("grpc.lb.backend_service", cluster), Self.place])
    }

    private func total(_ name: String, _ labels: [(String, String)]) throws -> Int64 {
        try metrics.expectCounter(name, labels).totalValue
    }

    /// The clusters that anything is counted of.
    private var clusters: Set<String> {
        let dimensions = (metrics.counters.map(\.dimensions) + metrics.recorders.map(\.dimensions)).flatMap { $0 }
        return Set(dimensions.filter { $0.0 == "grpc.lb.backend_service" }.map(\.1))
    }

    @Test("A94, A78: connections are counted by cluster and place, and their ends by the reason")
    func connections() throws {
        let secured = endpoint("c", .mutualTLS(acceptedIdentities: []))
        let end = ConnectionEvent.closed(.http2, .peerAnnounced, after: .zero, activeRequests: 0, goodbye: "NO_ERROR")
        for event in [.dialing, .ready(.http2, after: .zero), .ready(.http2, after: .zero), end] {
            observer.connectionChanged(event, endpoint: secured)
        }
        observer.connectionChanged(.connectFailed(isTimeout: true, error: CancellationError()), endpoint: secured)
        #expect(try total("grpc.subchannel.connection_attempts_succeeded", ofCluster("c")) == 2)
        #expect(try total("grpc.subchannel.connection_attempts_failed", ofCluster("c")) == 1)
        let goodbye = ofCluster("c", [("grpc.disconnect_error", "GOAWAY NO_ERROR")])
        #expect(try total("grpc.subchannel.disconnections", goodbye) == 1)
        let level = ofCluster("c", [("grpc.security_level", "privacy_and_integrity")])
        #expect(try metrics.expectMeter("grpc.subchannel.open_connections", level).lastValue == 1)
        #expect(try total("grpc.lb.pick_first.connection_attempts_succeeded", labels()) == 2)
        #expect(try total("grpc.lb.pick_first.connection_attempts_failed", labels()) == 1)
        #expect(try total("grpc.lb.pick_first.disconnections", labels()) == 1)
    }

    @Test(
        "A94: each reason has one of gRPC's names",
        arguments: [
            (.remote, "socket error"), (.keepaliveTimeout, "connection timed out"), (.idle, "subchannel shutdown"),
            (.age, "subchannel shutdown"), (.condemned, "subchannel shutdown"), (.protocolError, "unknown"),
            (.peerAnnounced, "unknown"),
        ] as [(ConnectionClosing, String)]
    )
    func reasons(_ closing: ConnectionClosing, _ name: String) throws {
        let end = ConnectionEvent.closed(.http2, closing, after: .zero, activeRequests: 0)
        observer.connectionChanged(end, endpoint: endpoint("c"))
        let labels = ofCluster("c", [("grpc.disconnect_error", name)])
        #expect(try total("grpc.subchannel.disconnections", labels) == 1)
    }

    @Test("A78, A89: weights are told with each update, and those that cannot be used are counted")
    func weights() throws {
        var update = WeightsUpdate(
            cluster: "c",
            locality: Self.locality,
            weights: [0, 0, 0, 7],
            notYetUsable: 2,
            stale: 1
        )
        observer.noticed(.weightsUpdated(update))
        (update.weights, update.notYetUsable, update.stale) = ([5, 6, 0, 7], 0, 1)
        observer.noticed(.weightsUpdated(update))
        #expect(try total("grpc.lb.wrr.rr_fallback", ofCluster("c")) == 1)
        #expect(try total("grpc.lb.wrr.endpoint_weight_not_yet_usable", ofCluster("c")) == 2)
        #expect(try total("grpc.lb.wrr.endpoint_weight_stale", ofCluster("c")) == 2)
        let recorder = try metrics.expectRecorder("grpc.lb.wrr.endpoint_weights", ofCluster("c"))
        #expect(recorder.values == [0, 0, 0, 7, 5, 6, 0, 7])
        update.locality = nil
        observer.noticed(.weightsUpdated(update))
        let nowhere = labels([("grpc.lb.backend_service", "c"), ("grpc.lb.locality", "")])
        #expect(try total("grpc.lb.wrr.endpoint_weight_stale", nowhere) == 1)
    }

    @Test("A91: ejections are counted by the rule, and those that were not enforced by what stood against it")
    func ejections() throws {
        let address = EndpointAddress(host: "10.0.0.1", port: 80)
        let events: [MeshEvent] = [
            .endpointEjected(cluster: "c", endpoint: address, duration: .zero, rule: "success_rate", reason: "r"),
            .ejectionWithheld(cluster: "c", endpoint: address, rule: "success_rate", reason: "r", because: .overLimit),
            .ejectionWithheld(
                cluster: "c",
                endpoint: address,
                rule: "failure_percentage",
                reason: "r",
                because: .notEnforced
            ),
        ]
        for event in events { observer.noticed(event) }
        func detected(_ method: String, _ more: [(String, String)] = []) -> [(String, String)] {
            labels([("grpc.lb.backend_service", "c"), ("grpc.lb.outlier_detection.detection_method", method)] + more)
        }
        #expect(try total("grpc.lb.outlier_detection.ejections_enforced", detected("success_rate")) == 1)
        let (unenforced, reason) = (
            "grpc.lb.outlier_detection.ejections_unenforced", "grpc.lb.outlier_detection.unenforced_reason"
        )
        let overLimit = detected("success_rate", [(reason, "max_ejection_overflow")])
        #expect(try total(unenforced, overLimit) == 1)
        let byChance = detected("failure_percentage", [(reason, "enforcement_percentage")])
        #expect(try total(unenforced, byChance) == 1)
    }

    @Test("A78: control planes are connected or not, and what they send is counted")
    func controlPlanes() throws {
        let server = ("grpc.xds.server", "localhost:18000")
        func notice(_ events: ControlPlaneEvent...) {
            for event in events { observer.noticed(.controlPlane(server: "localhost:18000", event)) }
        }
        notice(.connected, .received(type: "envoy.config.cluster.v3.Cluster", valid: 3, invalid: 1), .failed)
        #expect(try metrics.expectMeter("grpc.xds_client.connected", labels([server])).lastValue == 0)
        #expect(try total("grpc.xds_client.server_failure", labels([server])) == 1)
        let type = ("grpc.xds.resource_type", "envoy.config.cluster.v3.Cluster")
        #expect(try total("grpc.xds_client.resource_updates_valid", labels([server, type])) == 3)
        #expect(try total("grpc.xds_client.resource_updates_invalid", labels([server, type])) == 1)
        notice(.connected)
        #expect(try metrics.expectMeter("grpc.xds_client.connected", labels([server])).lastValue == 1)
        notice(.released)
        #expect(!metrics.meters.contains { $0.label == "grpc.xds_client.connected" })
        #expect(try total("grpc.xds_client.server_failure", labels([server])) == 1)
    }

    @Test("A78, A88: resources are counted by authority, type and state")
    func resources() throws {
        let type = "envoy.config.listener.v3.Listener"
        func told(_ authority: String, _ state: String) throws -> Double? {
            let labels = labels([
                ("grpc.xds.authority", authority), ("grpc.xds.cache_state", state), ("grpc.xds.resource_type", type),
            ])
            return try metrics.expectMeter("grpc.xds_client.resources", labels).lastValue
        }
        let counts = [
            ResourceCount(type: type, state: .acked, count: 2),
            ResourceCount(authority: "a.example", type: type, state: .nackedButCached, count: 1),
        ]
        observer.noticed(.resourcesCounted(source: "xds localhost", counts))
        #expect(try told("#old", "acked") == 2)
        #expect(try told("a.example", "nacked_but_cached") == 1)
        observer.noticed(.resourcesCounted(source: "xds localhost", [.init(type: type, state: .acked, count: 0)]))
        #expect(try told("#old", "acked") == 0)
    }

    @Test("what was counted of a cluster goes with it, once its last connection has ended")
    func goneClusters() {
        let end = ConnectionEvent.closed(.http2, .condemned, after: .zero, activeRequests: 0)
        for name in ["a", "b"] {
            observer.connectionChanged(.ready(.http2, after: .zero), endpoint: endpoint(name))
            observer.noticed(
                .weightsUpdated(
                    WeightsUpdate(cluster: name, locality: nil, weights: [1], notYetUsable: 0, stale: 0)
                )
            )
        }
        observer.noticed(.clustersChanged(added: [], removed: ["a"]))
        #expect(clusters == ["a", "b"])
        observer.connectionChanged(end, endpoint: endpoint("b"))
        #expect(clusters == ["a", "b"])
        observer.connectionChanged(end, endpoint: endpoint("a"))
        #expect(clusters == ["b"])
    }

    @Test("a cluster without connections goes at once, and labels beyond the bound share their metrics")
    func bounds() {
        let observer = GRPCChannelMetrics(.init(factory: metrics, target: "#server", maximumSeries: 3))
        for number in 0..<100 {
            let update = WeightsUpdate(
                cluster: "c\(number)",
                locality: nil,
                weights: [1],
                notYetUsable: 0,
                stale: 0
            )
            observer.noticed(.weightsUpdated(update))
        }
        #expect(clusters == ["c0", "c1", "c2", "other"])
        observer.noticed(.clustersChanged(added: [], removed: ["c0", "c1"]))
        #expect(clusters == ["c2", "other"])
        #expect(metrics.recorders.allSatisfy { $0.dimensions.first?.1 == "#server" })
    }
}
