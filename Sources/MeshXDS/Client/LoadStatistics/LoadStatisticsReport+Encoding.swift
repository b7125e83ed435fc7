// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import SwiftProtobuf

extension Envoy_Service_LoadStats_V3_LoadStatsRequest {
    /// The first request of a stream: who reports, and that it can report all clusters without their names being told.
    init(node: Bootstrap.Node) {
        self.init()
        self.node = Envoy_Config_Core_V3_Node(node)
        self.node.clientFeatures.append("envoy.lrs.supports_send_all_clusters")
    }

    /// A report.
    init(_ reports: [LoadStatisticsReport]) {
        self.init()
        clusterStats = reports.map { Envoy_Config_Endpoint_V3_ClusterStats($0) }
    }
}

extension Envoy_Config_Endpoint_V3_ClusterStats {
    /// Encodes the counts of a cluster.
    init(_ report: LoadStatisticsReport) {
        self.init()
        clusterName = report.cluster
        clusterServiceName = report.service
        upstreamLocalityStats = report.places.map { Envoy_Config_Endpoint_V3_UpstreamLocalityStats($0) }
        totalDroppedRequests = report.totalDropped
        droppedRequests = report.dropped.sorted { $0.key < $1.key }.map { category, count in
            .with { message in
                message.category = category
                message.droppedCount = count
            }
        }
        loadReportInterval = Google_Protobuf_Duration(report.span)
    }
}

extension Envoy_Config_Endpoint_V3_UpstreamLocalityStats {
    /// Encodes the counts of a place.
    fileprivate init(_ place: LoadStatisticsReport.Place) {
        self.init()
        locality.region = place.locality.region
        locality.zone = place.locality.zone
        locality.subZone = place.locality.subZone
        totalIssuedRequests = place.issued
        totalSuccessfulRequests = place.succeeded
        totalErrorRequests = place.failed
        totalRequestsInProgress = place.inProgress
        for (name, sum) in place.metrics.sorted(by: { $0.key < $1.key }) { set(name, sum) }
    }

    /// Three metrics have fields of their own (gRFC A85).
    private mutating func set(_ name: String, _ sum: LoadMetricSum) {
        switch name {
        case "cpu_utilization": cpuUtilization = .init(sum)
        case "mem_utilization": memUtilization = .init(sum)
        case "application_utilization": applicationUtilization = .init(sum)
        default:
            loadMetricStats.append(
                .with { message in
                    message.metricName = name
                    message.numRequestsFinishedWithMetric = sum.count
                    message.totalMetricValue = sum.total
                }
            )
        }
    }
}

extension Envoy_Config_Endpoint_V3_UnnamedEndpointLoadMetricStats {
    fileprivate init(_ sum: LoadMetricSum) {
        self.init()
        numRequestsFinishedWithMetric = sum.count
        totalMetricValue = sum.total
    }
}
