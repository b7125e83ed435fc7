// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("What a cluster says of load reports to its control plane")
struct LoadStatisticsDecodingTests {
    private func decode(
        source: String = "",
        _ change: (inout Envoy_Config_Cluster_V3_Cluster) -> Void
    ) throws -> (plan: LoadStatisticsPlan?, ignored: [FieldReport]) {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        change(&message)
        let decoder = ResourceDecoder(source: source)
        let decoded = try decoder.decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster.loadStatistics, decoded.ignored)
    }

    @Test func `self is the control plane that the cluster came from`() throws {
        let (plan, ignored) = try decode(source: "xds a:1") {
            $0.lrsServer.self_p = .init()
            $0.lrsReportEndpointMetrics = ["cpu_utilization", "named_metrics.*"]
        }
        let metrics = LoadMetricSelection(["cpu_utilization", "named_metrics.*"])
        #expect(plan == LoadStatisticsPlan(source: "xds a:1", metrics: metrics))
        #expect(ignored.isEmpty)
        #expect(try decode { _ in }.plan == nil)
    }

    @Test func `another one is not told, and that is reported`() throws {
        let (plan, ignored) = try decode { $0.lrsServer.ads = .init() }
        #expect(plan == nil)
        #expect(ignored.map(\.path) == ["lrs_server"])
    }

    @Test func `a cluster that is made of others leaves it to them, and that is reported`() throws {
        let members = Envoy_Extensions_Clusters_Aggregate_V3_ClusterConfig.with { $0.clusters = ["a"] }
        let packed = try Google_Protobuf_Any(packing: members)
        let (plan, ignored) = try decode {
            $0.clusterType.typedConfig = packed
            $0.lbPolicy = .clusterProvided
            $0.lrsServer.self_p = .init()
        }
        #expect(plan == nil)
        #expect(ignored.map(\.path).contains("lrs_server"))
    }

    @Test func `metrics without a server, and those that are not known, are reported`() throws {
        let (plan, ignored) = try decode { $0.lrsReportEndpointMetrics = ["eps"] }
        #expect(plan == nil && ignored.map(\.path) == ["lrs_report_endpoint_metrics"])
        let (other, unknown) = try decode {
            $0.lrsServer.self_p = .init()
            $0.lrsReportEndpointMetrics = ["eps", "new_field"]
        }
        #expect(other?.metrics == LoadMetricSelection(["eps"]))
        #expect(unknown.map(\.path) == ["lrs_report_endpoint_metrics[1]"])
    }

    @Test func `names beyond the bound are reported`() throws {
        let (plan, ignored) = try decode {
            $0.lrsServer.self_p = .init()
            $0.lrsReportEndpointMetrics = (0..<102).map { "named_metrics.m\($0)" }
        }
        #expect(plan?.metrics.names.count == LoadMetricSelection.maximumNames)
        #expect(ignored.map(\.path) == ["lrs_report_endpoint_metrics[100]", "lrs_report_endpoint_metrics[101]"])
    }
}

@Suite("A load report as it goes out")
struct LoadStatisticsEncodingTests {
    @Test func `the first request says who reports, and that all clusters may be asked for`() {
        let message = Envoy_Service_LoadStats_V3_LoadStatsRequest(node: Bootstrap.Node(id: "n"))
        #expect(message.node.id == "n")
        #expect(message.node.clientFeatures.contains("envoy.lrs.supports_send_all_clusters"))
        #expect(message.clusterStats.isEmpty)
    }

    @Test func `counts, drops and metrics stand where gRPC's clients put them`() throws {
        let report = LoadStatisticsReport(
            cluster: "c",
            service: "s",
            places: [
                .init(
                    locality: Locality(region: "r", zone: "z", subZone: "u"),
                    issued: 9,
                    succeeded: 5,
                    failed: 1,
                    inProgress: 3,
                    metrics: [
                        "cpu_utilization": LoadMetricSum(count: 2, total: 0.5),
                        "named_metrics.q": LoadMetricSum(count: 3, total: 7),
                    ]
                )
            ],
            dropped: ["throttle": 4, "lb": 1],
            overLimit: 2,
            span: .milliseconds(1_500)
        )
        let message = try #require(Envoy_Service_LoadStats_V3_LoadStatsRequest([report]).clusterStats.first)
        #expect(message.clusterName == "c" && message.clusterServiceName == "s")
        #expect(message.totalDroppedRequests == 7)
        #expect(message.droppedRequests.map(\.category) == ["lb", "throttle"])
        #expect(message.droppedRequests.map(\.droppedCount) == [1, 4])
        #expect(message.loadReportInterval.seconds == 1 && message.loadReportInterval.nanos == 500_000_000)
        let place = try #require(message.upstreamLocalityStats.first)
        #expect(place.locality.region == "r" && place.locality.zone == "z" && place.locality.subZone == "u")
        #expect(place.totalIssuedRequests == 9 && place.totalSuccessfulRequests == 5)
        #expect(place.totalErrorRequests == 1 && place.totalRequestsInProgress == 3)
        #expect(place.cpuUtilization.numRequestsFinishedWithMetric == 2 && place.cpuUtilization.totalMetricValue == 0.5)
        #expect(!place.hasMemUtilization)
        #expect(place.loadMetricStats.map(\.metricName) == ["named_metrics.q"])
        #expect(place.loadMetricStats.first?.totalMetricValue == 7)
    }
}
