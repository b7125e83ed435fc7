// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many calls are made as one, and for how long they are collected.
public struct BatchingConfiguration: PolicyConfiguration {
    /// Batching.
    public static var kind: PolicyKind { .batch }

    /// The most different keys in a batch, 1 to 1 000 000; a batch that is full is sent at once.
    ///
    /// Default 1000: ours. Hystrix's collapser has no bound (`maxRequestsInBatch` is `Integer.MAX_VALUE`).
    public var maximumBatchSize: Int
    /// For how long calls are collected from the first one on, 1 ms to 1 h.
    ///
    /// Default 10 ms: Hystrix's `timerDelayInMilliseconds`.
    public var maximumDelay: Nanoseconds
    /// The most calls that wait, for their batch to be sent or for its answer, 1 to 100 000 000; further ones are refused.
    ///
    /// Default 10 000: ours. Hystrix's queue has no bound.
    public var maximumWaiting: Int
    /// Whether the policy acts.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        maximumBatchSize: Int = 1000,
        maximumDelay: Nanoseconds = .milliseconds(10),
        maximumWaiting: Int = 10_000,
        mode: PolicyMode = .enforce
    ) {
        self.maximumBatchSize = maximumBatchSize
        self.maximumDelay = maximumDelay
        self.maximumWaiting = maximumWaiting
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let own = "swift-service-mesh"
        return [
            PolicySetting("maximumBatchSize", maximumBatchSize, default: 1000, from: own),
            PolicySetting(
                "maximumDelay",
                maximumDelay,
                default: .milliseconds(10),
                from: "Hystrix timerDelayInMilliseconds"
            ),
            PolicySetting("maximumWaiting", maximumWaiting, default: 10_000, from: own),
            PolicySetting("mode", mode, default: .enforce, from: own),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...1_000_000).contains(maximumBatchSize),
            "maximumBatchSize",
            "must be from 1 to 1000000, is \(maximumBatchSize)"
        )
        problems.require(
            maximumDelay >= .milliseconds(1) && maximumDelay <= .seconds(3600),
            "maximumDelay",
            "must be from 1 ms to 1 h, is \(maximumDelay.duration)"
        )
        problems.require(
            (1...100_000_000).contains(maximumWaiting),
            "maximumWaiting",
            "must be from 1 to 100000000, is \(maximumWaiting)"
        )
        try problems.throwIfAny()
    }
}
