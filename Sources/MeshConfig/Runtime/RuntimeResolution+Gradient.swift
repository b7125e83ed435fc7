// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension RuntimeResolution {
    /// The most requests that are counted.
    private static let most: UInt64 = 16_777_215
    /// A day, in milliseconds.
    private static let longest: UInt64 = 86_400_000

    /// Envoy's gradient controller, within the bounds of its configuration.
    mutating func resolve(_ limit: inout EnvoyGradientLimit.Configuration) {
        let before = limit
        if let share = portion("sample_aggregate_percentile") {
            // As where the configuration says 0: the least latency.
            limit.percentile = share == 0 ? 0.0001 : share
        }
        if let value = wholeNumber(key("max_concurrency_limit"), in: 1...Self.most) { limit.maximum = Int(value) }
        if let value = wholeNumber(key("sample_rtt_calc_interval_ms"), in: 1...Self.longest) {
            limit.updateInterval = .milliseconds(value)
        }
        if let value = wholeNumber(key("min_rtt_calc_interval_ms"), in: 1...Self.longest) {
            limit.measureInterval = .milliseconds(value)
        }
        if let value = wholeNumber(key("min_rtt_aggregate_request_count"), in: 1...UInt64(UInt32.max)) {
            limit.measureCalls = Int(value)
        }
        limit.jitter = portion("jitter") ?? limit.jitter
        limit.buffer = portion("min_rtt_buffer") ?? limit.buffer
        if let value = wholeNumber(key("min_concurrency"), in: 1...Self.most) { limit.measureLimit = Int(value) }
        guard limit != before else { return }
        // Few requests are let through to measure, and never more than there ever are.
        limit.measureLimit = min(limit.measureLimit, limit.maximum)
        limit.minimum = limit.minimum.map { min($0, limit.maximum) }
    }

    private func key(_ name: String) -> String { "adaptive_concurrency.gradient_controller.\(name)" }

    /// A number of percent as a share, 0 to 1.
    private mutating func portion(_ name: String) -> Double? {
        decimal(key(name)).map { min(max($0, 0), 100) / 100 }
    }
}
