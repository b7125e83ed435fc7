// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import CoreMetrics
import Synchronization

/// A backend that counts nothing, but knows which metrics there are.
final class LiveMetrics: MetricsFactory {
    private struct Key: Hashable {
        var label: String
        var dimensions: [String]
        /// The cluster or the service that it is about.
        var name: String
    }

    private final class Metric: CounterHandler, RecorderHandler, TimerHandler, MeterHandler {
        func increment(by: Int64) {}
        func increment(by: Double) {}
        func decrement(by: Double) {}
        func set(_ value: Int64) {}
        func set(_ value: Double) {}
        func reset() {}
        func record(_ value: Int64) {}
        func record(_ value: Double) {}
        func recordNanoseconds(_ duration: Int64) {}
    }

    private let metrics = Mutex<[Key: Metric]>([:])

    /// The clusters and services that there are metrics of.
    var names: Set<String> { metrics.withLock { Set($0.keys.map(\.name)) } }

    /// Who asks twice for one metric gets the same one, as from every backend.
    private func make(_ label: String, _ dimensions: [(String, String)]) -> Metric {
        let place = dimensions.first { $0.0 == "envoy_cluster_name" || $0.0 == "destination_service" }
        guard let name = place?.1 else { return Metric() }
        let key = Key(label: label, dimensions: dimensions.flatMap { [$0.0, $0.1] }, name: name)
        return metrics.withLock { metrics in
            let metric = metrics[key] ?? Metric()
            metrics[key] = metric
            return metric
        }
    }

    private func destroy(_ metric: AnyObject) {
        let id = ObjectIdentifier(metric)
        metrics.withLock { metrics in
            guard let key = metrics.first(where: { ObjectIdentifier($0.value) == id })?.key else { return }
            metrics[key] = nil
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { make(label, dimensions) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        make(label, dimensions)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { make(label, dimensions) }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { make(label, dimensions) }
    func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }
    func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }
    func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }
    func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }
}
