// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Metrics
import Synchronization

/// A metrics backend that keeps the counter of what policies did: what Prometheus would scrape, without Prometheus.
final class DecisionCounts: MetricsFactory {
    private let counts = Mutex<[[String: String]: Int]>([:])

    /// What the decisions add up to whose labels have these values.
    func total(_ labels: [String: String]) -> Int {
        counts.withLock { counts in
            counts.reduce(0) { sum, entry in
                labels.allSatisfy { entry.key[$0.key] == $0.value } ? sum + entry.value : sum
            }
        }
    }

    /// What was counted, a line each, as Prometheus writes it.
    var lines: [String] {
        counts.withLock { counts in
            counts.map { labels, count in
                let text = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ",")
                return "mesh_policy_decisions_total{\(text)} \(count)"
            }
        }.sorted()
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        guard label == "mesh_policy_decisions_total" else { return NOOPMetricsHandler.instance }
        return Series(counts: self, labels: Dictionary(dimensions) { $1 })
    }

    // The scene reads nothing else.
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        NOOPMetricsHandler.instance
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { NOOPMetricsHandler.instance }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { NOOPMetricsHandler.instance }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}

    private final class Series: CounterHandler {
        let counts: DecisionCounts
        let labels: [String: String]

        init(counts: DecisionCounts, labels: [String: String]) {
            self.counts = counts
            self.labels = labels
        }

        func increment(by amount: Int64) { counts.counts.withLock { $0[labels, default: 0] += Int(amount) } }
        func reset() { counts.counts.withLock { $0[labels] = 0 } }
    }
}
