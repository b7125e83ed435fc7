// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Metrics
import Synchronization

/// A metrics backend that keeps what Prometheus would scrape: numbers, and histograms with buckets.
final class MemoryMetrics: MetricsFactory {
    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { Number() }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { Number() }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Histogram()
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { Histogram() }

    func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler { Number() }

    // Nothing is kept but by the metrics themselves.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
}

/// A counter or a gauge.
private final class Number: CounterHandler, MeterHandler, FloatingPointCounterHandler {
    private let count = Atomic<Int64>(0)
    private let amount = Mutex(0.0)

    func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
    func increment(by amount: Double) { self.amount.withLock { $0 += amount } }
    func decrement(by amount: Double) { self.amount.withLock { $0 -= amount } }
    func set(_ value: Int64) { count.store(value, ordering: .relaxed) }
    func set(_ value: Double) { amount.withLock { $0 = value } }
    func reset() { count.store(0, ordering: .relaxed) }
}

/// A histogram with the buckets of Istio's durations.
private final class Histogram: RecorderHandler, TimerHandler {
    private static let bounds = [
        0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
        3_600_000,
    ]

    private struct State {
        var buckets = Array(repeating: UInt64(0), count: Histogram.bounds.count + 1)
        var sum = 0.0
    }

    private let state = Mutex(State())

    func record(_ value: Double) {
        let bucket = Self.bounds.firstIndex { value <= $0 } ?? Self.bounds.count
        state.withLock { state in
            state.buckets[bucket] += 1
            state.sum += value
        }
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e6) }
    func preferDisplayUnit(_ unit: TimeUnit) {}
}
