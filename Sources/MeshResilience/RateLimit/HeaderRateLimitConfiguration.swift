// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A rate limit for each value of a header field: each user, each tenant. How routes carry a keyed rate limit.
public struct HeaderRateLimitConfiguration: PolicyConfiguration {
    /// The field whose value is the key. A client that chooses it chooses its limit: take one that a trusted hop sets.
    /// Requests without it fall under no limit.
    public var header: HeaderName
    /// The limit of each value, and how many values are remembered.
    public var keyed: KeyedRateLimitConfiguration

    /// Creates a configuration.
    public init(header: HeaderName, limit: RateLimitConfiguration, maximumKeys: Int = 10_000) {
        self.header = header
        self.keyed = KeyedRateLimitConfiguration(limit: limit, maximumKeys: maximumKeys)
    }

    /// The rate limit.
    public static var kind: PolicyKind { .rateLimit }

    /// Whether it acts: as its limit does.
    public var mode: PolicyMode { keyed.mode }

    /// Every value in force.
    public var settings: [PolicySetting] { [PolicySetting("header", "\(header)")] + keyed.settings }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(header.isValid, "header", "is no header name: \(header)")
        let keyed = keyed
        _ = problems.nest("") { () throws(ConfigurationError) in try keyed.validate() }
        try problems.throwIfAny()
    }
}
