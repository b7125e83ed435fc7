// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// What a control plane wants to be told, and how often (`LoadStatsResponse`).
struct LoadStatisticsWish: Hashable, Sendable {
    /// The shortest interval: grpc-core's `GRPC_XDS_MIN_CLIENT_LOAD_REPORTING_INTERVAL_MS`, 1 s. What is shorter counts
    /// as this.
    static let minimumInterval = Nanoseconds.seconds(1)
    /// The longest one. Ours: longer ones are mistakes more likely than wishes.
    static let maximumInterval = Nanoseconds.seconds(86_400)

    /// The clusters; `nil` for all.
    var clusters: Set<String>?
    /// How often, within the bounds.
    var interval: Nanoseconds
    /// What else is asked for and not given, by the fields' names.
    var ignored: [String] = []
}

extension LoadStatisticsWish {
    /// Decodes a wish. A duration that is none counts as the shortest interval.
    init(_ message: Envoy_Service_LoadStats_V3_LoadStatsResponse) {
        var context = DecodingContext(registry: .standard)
        let interval = Nanoseconds(message.loadReportingInterval, at: .root, &context) ?? .zero
        self.init(
            clusters: message.sendAllClusters ? nil : Set(message.clusters),
            interval: min(max(interval, Self.minimumInterval), Self.maximumInterval),
            ignored: context.problems.isEmpty ? [] : ["load_reporting_interval"]
        )
        if message.reportEndpointGranularity { ignored.append("report_endpoint_granularity") }
    }
}
