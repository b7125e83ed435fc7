// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics

/// What is counted of weights that follow from load reports (gRFC A78).
struct GRPCWeightSeries: ForgettableSeries {
    struct Labels: SeriesLabels {
        /// The cluster; `nil` for those beyond the bound.
        var cluster: String?
        var locality: Locality?

        init(_ update: WeightsUpdate) {
            cluster = update.cluster
            locality = update.locality
        }

        private init() {}

        var overflow: Labels { Labels() }
    }

    private let fallbacks: Counter
    private let notYetUsable: Counter
    private let stale: Counter
    private let weights: Recorder

    init(_ labels: Labels, _ maker: GRPCMetricMaker) {
        let dimensions = [
            GRPCLabel.backendService(labels.cluster), GRPCLabel.locality(labels.locality, of: labels.cluster),
        ]
        fallbacks = maker.counter("lb.wrr.rr_fallback", dimensions)
        notYetUsable = maker.counter("lb.wrr.endpoint_weight_not_yet_usable", dimensions)
        stale = maker.counter("lb.wrr.endpoint_weight_stale", dimensions)
        weights = maker.histogram("lb.wrr.endpoint_weights", dimensions)
    }

    func record(_ update: WeightsUpdate) {
        if update.fallsBack { fallbacks.increment() }
        notYetUsable.increment(by: update.notYetUsable)
        stale.increment(by: update.stale)
        for weight in update.weights { weights.record(weight) }
    }

    func destroy() {
        for counter in [fallbacks, notYetUsable, stale] { counter.destroy() }
        weights.destroy()
    }
}

/// Endpoints of a cluster that broke a rule of outlier detection (gRFC A91).
struct GRPCEjectionLabels: GRPCCounterLabels {
    /// The cluster; `nil` for those beyond the bound.
    var cluster: String?
    /// The rule.
    var method: String
    /// Why they get traffic all the same; `nil` if they get none.
    var obstacle: EjectionObstacle?

    var overflow: Self { GRPCEjectionLabels(cluster: nil, method: "other", obstacle: obstacle) }

    var name: String { "lb.outlier_detection.ejections_\(obstacle == nil ? "enforced" : "unenforced")" }

    var dimensions: GRPCMetricMaker.Dimensions {
        let detected = [
            GRPCLabel.backendService(cluster), ("grpc.lb.outlier_detection.detection_method", method),
        ]
        guard let obstacle else { return detected }
        let reason =
            switch obstacle {
            case .notEnforced: "enforcement_percentage"
            case .overLimit: "max_ejection_overflow"
            }
        return detected + [("grpc.lb.outlier_detection.unenforced_reason", reason)]
    }
}
