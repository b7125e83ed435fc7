// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics

/// The counter and the histogram of requests that share their labels.
final class RequestSeries: ForgettableSeries {
    let total: Counter
    let duration: Recorder

    /// What distinguishes one request from another in Istio's metrics. No path and no authority: both are the
    /// caller's to choose.
    struct Labels: SeriesLabels {
        var direction: TrafficDirection
        /// The status code; `nil` in the overflow series.
        var status: Int?
        /// One bit a flag, by its place in `ResponseFlag.allCases`.
        var flags: UInt32
        var cluster: String?
        var peerIdentity: String?

        init(_ record: borrowing RequestRecord) {
            self.direction = record.direction
            self.status = record.status
            self.flags = Self.bits(of: record.flags)
            self.cluster = record.direction == .outbound ? record.cluster : nil
            self.peerIdentity = record.peerIdentity
        }

        private init(overflowOf direction: TrafficDirection) {
            self.direction = direction
            self.status = nil
            self.flags = 0
            self.cluster = nil
            self.peerIdentity = nil
        }

        var overflow: Labels { Labels(overflowOf: direction) }

        /// A cluster is told as its service: subsets of one share their metrics.
        var exported: Labels {
            var labels = self
            labels.cluster = cluster.map { DestinationService(cluster: $0).service }
            return labels
        }

        var flagsText: String {
            guard flags != 0 else { return "-" }
            return ResponseFlag.allCases.enumerated()
                .filter { flags & 1 << UInt32($0.offset) != 0 }
                .map(\.element.rawValue)
                .joined(separator: ",")
        }

        private static func bits(of flags: [ResponseFlag]) -> UInt32 {
            // Most requests have none; the search below is for the others.
            if flags.isEmpty { return 0 }
            return flags.reduce(0) { bits, flag in
                ResponseFlag.allCases.firstIndex(of: flag).map { bits | 1 << UInt32($0) } ?? bits
            }
        }
    }

    init(_ labels: Labels, _ configuration: MetricsObserver.Configuration) {
        let dimensions = Self.dimensions(labels, configuration)
        let factory = configuration.factory
        total = Counter(label: "istio_requests_total", dimensions: dimensions, factory: factory)
        // A recorder and not a timer: backends choose a timer's unit themselves, and the name promises milliseconds.
        duration = Recorder(
            label: "istio_request_duration_milliseconds",
            dimensions: dimensions,
            aggregate: true,
            factory: factory
        )
    }

    func destroy() {
        total.destroy()
        duration.destroy()
    }

    static func dimensions(
        _ labels: Labels,
        _ configuration: MetricsObserver.Configuration
    ) -> [(String, String)] {
        let isInbound = labels.direction == .inbound
        let own = configuration.principal ?? "unknown"
        guard let status = labels.status else {
            return dimensionNames.map { ($0, $0 == "reporter" ? reporter(labels.direction) : "other") }
        }
        let service =
            isInbound ? DestinationService(host: configuration.service) : DestinationService(cluster: labels.cluster)
        let values = [
            reporter(labels.direction),
            isInbound ? "unknown" : configuration.workload,
            isInbound ? labels.peerIdentity ?? "unknown" : own,
            isInbound ? configuration.workload : "unknown",
            isInbound ? own : "unknown",
            service.service,
            service.name,
            service.namespace,
            configuration.requestProtocol,
            String(status),
            labels.flagsText,
            // Istio's source side does not claim to know, because the proxy may have upgraded the connection.
            isInbound ? labels.peerIdentity == nil ? "none" : "mutual_tls" : "unknown",
        ]
        return Array(zip(dimensionNames, values))
    }

    private static let dimensionNames = [
        "reporter", "source_workload", "source_principal", "destination_workload", "destination_principal",
        "destination_service", "destination_service_name", "destination_service_namespace", "request_protocol",
        "response_code", "response_flags", "connection_security_policy",
    ]

    private static func reporter(_ direction: TrafficDirection) -> String {
        direction == .inbound ? "destination" : "source"
    }
}
