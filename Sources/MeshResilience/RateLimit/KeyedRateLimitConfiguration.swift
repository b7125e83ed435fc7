// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A rate limit for each key (a user, a tenant, an address), in bounded memory.
public struct KeyedRateLimitConfiguration: PolicyConfiguration {
    /// The limit of each key.
    public var limit: RateLimitConfiguration
    /// How many keys are remembered at once, 1 to 1000000.
    ///
    /// Default 10000: about 2 MB, with a log eight bytes more for each call of the rate. Ours: libraries that partition
    /// limits (.NET's `PartitionedRateLimiter`) set no bound.
    public var maximumKeys: Int

    /// Creates a configuration.
    public init(limit: RateLimitConfiguration, maximumKeys: Int = 10_000) {
        self.limit = limit
        self.maximumKeys = maximumKeys
    }

    /// The rate limit.
    public static var kind: PolicyKind { .rateLimit }

    /// Whether it acts: as its limit does.
    public var mode: PolicyMode { limit.mode }

    /// Every value in force.
    public var settings: [PolicySetting] {
        limit.settings + [PolicySetting("maximumKeys", maximumKeys, default: 10_000, from: "swift-service-mesh")]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        let limit = limit
        _ = problems.nest("limit") { () throws(ConfigurationError) in try limit.validate() }
        problems.require(
            (1...1_000_000).contains(maximumKeys),
            "maximumKeys",
            "must be from 1 to 1000000, is \(maximumKeys)"
        )
        try problems.throwIfAny()
    }
}
