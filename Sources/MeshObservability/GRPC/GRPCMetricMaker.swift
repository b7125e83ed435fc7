// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Metrics

/// Makes metrics that all have the label `grpc.target`.
struct GRPCMetricMaker: Sendable {
    typealias Dimensions = [(String, String)]

    let factory: any MetricsFactory
    let target: String

    private func dimensions(_ more: Dimensions) -> Dimensions { [("grpc.target", target)] + more }

    func counter(_ name: String, _ labels: Dimensions = []) -> Counter {
        Counter(label: "grpc.\(name)", dimensions: dimensions(labels), factory: factory)
    }

    func gauge(_ name: String, _ labels: Dimensions) -> Meter {
        Meter(label: "grpc.\(name)", dimensions: dimensions(labels), factory: factory)
    }

    func histogram(_ name: String, _ labels: Dimensions) -> Recorder {
        Recorder(label: "grpc.\(name)", dimensions: dimensions(labels), aggregate: true, factory: factory)
    }
}

/// One counter, by labels that say its name as well.
struct GRPCCounter: ForgettableSeries {
    let counter: Counter

    init(_ labels: some GRPCCounterLabels, _ maker: GRPCMetricMaker) {
        counter = maker.counter(labels.name, labels.dimensions)
    }

    func destroy() { counter.destroy() }
}

/// The labels of one counter.
protocol GRPCCounterLabels: SeriesLabels {
    /// Its name, without `grpc.`.
    var name: String { get }
    /// The labels as they are told.
    var dimensions: GRPCMetricMaker.Dimensions { get }
}
