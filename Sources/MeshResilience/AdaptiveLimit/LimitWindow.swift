// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long a window of samples is.
public struct LimitWindow: Hashable, Sendable {
    /// Its least length, greater than 0. Default 1 s: concurrency-limits.
    public var length: Nanoseconds
    /// Its greatest length; in between it is twice the shortest latency. Default 1 s: concurrency-limits.
    public var greatestLength: Nanoseconds
    /// The least number of samples, from 1. Default 10: concurrency-limits.
    public var leastSamples: Int
    /// Shorter calls say nothing. Default 100 µs: concurrency-limits.
    public var leastRTT: Nanoseconds

    /// Creates a window.
    public init(
        length: Nanoseconds = .seconds(1),
        greatestLength: Nanoseconds = .seconds(1),
        leastSamples: Int = 10,
        leastRTT: Nanoseconds = Nanoseconds(rawValue: 100_000)
    ) {
        self.length = length
        self.greatestLength = greatestLength
        self.leastSamples = leastSamples
        self.leastRTT = leastRTT
    }

    var settings: [PolicySetting] {
        let origin = "concurrency-limits WindowedLimit"
        return [
            PolicySetting("window.length", length, default: .seconds(1), from: origin),
            PolicySetting("window.greatestLength", greatestLength, default: .seconds(1), from: origin),
            PolicySetting("window.leastSamples", leastSamples, default: 10, from: origin),
            PolicySetting("window.leastRTT", leastRTT, default: Nanoseconds(rawValue: 100_000), from: origin),
        ]
    }

    func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(length > .zero, "length", "must be greater than 0")
        problems.require(greatestLength >= length, "greatestLength", "must not be less than the length")
        problems.require(leastSamples >= 1, "leastSamples", "must be at least 1, is \(leastSamples)")
        try problems.throwIfAny()
    }
}
