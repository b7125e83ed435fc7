// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Lets the traffic of a new endpoint grow over a while, so that it can fill its caches
/// (`envoy.extensions.load_balancing_policies.common.v3.SlowStartConfig`).
///
/// An endpoint is new when it joins its cluster and when the control plane says that it is healthy again. Where all are new,
/// each has the same part of the traffic.
public struct SlowStart: Hashable, Sendable {
    /// How long an endpoint is new; greater than 0.
    public var window: Nanoseconds
    /// How the weight grows: with time at 1, faster at first above, slower at first below; greater than 0.
    ///
    /// Default 1: Envoy's `aggression`.
    public var aggression: Double
    /// What a new endpoint weighs at least, in percent of its weight; 0 to 100.
    ///
    /// Default 10: Envoy's `min_weight_percent`.
    public var minimumWeightPercent: Double
    /// The key by which the runtime has another `aggression`; empty for none.
    ///
    /// Default none: Envoy's `aggression.runtime_key` has no default.
    public var aggressionKey = ""

    /// Creates a configuration.
    public init(window: Nanoseconds, aggression: Double = 1, minimumWeightPercent: Double = 10) {
        self.window = window
        self.aggression = aggression
        self.minimumWeightPercent = minimumWeightPercent
    }

    /// Which part of its weight an endpoint has that joined so long ago: 1 once the window is over.
    func factor(after elapsed: Nanoseconds) -> Double {
        guard elapsed < window else { return 1 }
        // Envoy's least time is a millisecond, whatever its documentation says.
        let time = Double(max(elapsed, .milliseconds(1)).rawValue) / Double(max(window, .milliseconds(1)).rawValue)
        let grown = aggression == 1 ? time : time.power(1 / aggression)
        return min(1, max(minimumWeightPercent / 100, grown))
    }

    /// The settings in words.
    var summary: String {
        let shape = aggression == 1 ? "" : ", aggression \(aggression)"
        return "slow start over \(window.duration) from \(minimumWeightPercent)%\(shape)"
    }

    /// Notes every bound that is broken.
    func validate(_ problems: inout ProblemCollector) {
        problems.require(window > .zero, "slowStart.window", "must be greater than 0")
        problems.require(
            aggression > 0 && aggression.isFinite,
            "slowStart.aggression",
            "must be a number greater than 0, is \(aggression)"
        )
        problems.require(
            (0...100).contains(minimumWeightPercent),
            "slowStart.minimumWeightPercent",
            "must be from 0 to 100, is \(minimumWeightPercent)"
        )
    }
}
