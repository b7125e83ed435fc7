// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A token bucket (`envoy.type.v3.TokenBucket`). There is no default rate: a limit that nobody chose surprises.
public struct RateLimitConfiguration: Hashable, Sendable {
    /// The bucket's size: the largest burst.
    public var maximumTokens: Int
    /// How many tokens each interval adds.
    ///
    /// Default 1: `TokenBucket.tokens_per_fill`.
    public var tokensPerFill: Int
    /// How often tokens are added; Envoy's local rate limit asks for at least 50 ms.
    public var fillInterval: Nanoseconds

    /// Creates a configuration.
    public init(maximumTokens: Int, tokensPerFill: Int = 1, fillInterval: Nanoseconds) {
        self.maximumTokens = maximumTokens
        self.tokensPerFill = tokensPerFill
        self.fillInterval = fillInterval
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...Int(UInt32.max)).contains(maximumTokens),
            "maximumTokens",
            "must be from 1 to 4294967295, is \(maximumTokens)"
        )
        problems.require(
            (1...Int(UInt32.max)).contains(tokensPerFill),
            "tokensPerFill",
            "must be from 1 to 4294967295, is \(tokensPerFill)"
        )
        problems.require(
            fillInterval >= .milliseconds(1) && fillInterval <= .seconds(86_400),
            "fillInterval",
            "must be from 1 ms to 24 h"
        )
        try problems.throwIfAny()
    }
}
