// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics

/// What is counted of a control plane (gRFC A78).
struct GRPCControlPlaneSeries: ForgettableSeries {
    struct Labels: SeriesLabels {
        var server: String

        var overflow: Labels { Labels(server: "other") }
    }

    let connected: Meter
    let failures: Counter

    init(_ labels: Labels, _ maker: GRPCMetricMaker) {
        let dimensions = [("grpc.xds.server", labels.server)]
        connected = maker.gauge("xds_client.connected", dimensions)
        failures = maker.counter("xds_client.server_failure", dimensions)
    }

    /// Failures stay counted: the server may be asked again.
    func destroy() { connected.destroy() }
}

/// What is counted of the resources of one type that a control plane sends.
struct GRPCUpdateSeries: Sendable {
    struct Labels: SeriesLabels {
        var server: String
        var type: String

        var overflow: Labels { Labels(server: "other", type: "other") }
    }

    private let valid: Counter
    private let invalid: Counter

    init(_ labels: Labels, _ maker: GRPCMetricMaker) {
        let dimensions = [("grpc.xds.server", labels.server), ("grpc.xds.resource_type", labels.type)]
        valid = maker.counter("xds_client.resource_updates_valid", dimensions)
        invalid = maker.counter("xds_client.resource_updates_invalid", dimensions)
    }

    func record(valid: Int, invalid: Int) {
        self.valid.increment(by: valid)
        self.invalid.increment(by: invalid)
    }
}

/// How many resources are in one state.
struct GRPCResourceSeries: Sendable {
    struct Labels: SeriesLabels {
        var authority: String
        var type: String
        var state: String

        init(_ count: ResourceCount) {
            // What names of the old style have for it (gRFC A78).
            authority = count.authority ?? "#old"
            type = count.type
            state = count.state.rawValue
        }

        private init() {
            (authority, type, state) = ("other", "other", "other")
        }

        var overflow: Labels { Labels() }
    }

    let count: Meter

    init(_ labels: Labels, _ maker: GRPCMetricMaker) {
        count = maker.gauge(
            "xds_client.resources",
            [
                ("grpc.xds.authority", labels.authority), ("grpc.xds.cache_state", labels.state),
                ("grpc.xds.resource_type", labels.type),
            ]
        )
    }
}
