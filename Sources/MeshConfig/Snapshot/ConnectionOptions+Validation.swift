// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension ConnectionOptions {
    /// Checks the options against the bounds of Envoy's API.
    /// - Throws: `ConfigurationError` with every problem.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            Self.preconnectRatios.contains(preconnectRatio),
            "preconnectRatio",
            "must be from 1 to 3, is \(preconnectRatio)"
        )
        problems.require(
            Self.concurrentStreams.contains(maximumConcurrentStreams),
            "maximumConcurrentStreams",
            "must be from 1 to 2147483647, is \(maximumConcurrentStreams)"
        )
        problems.require(maximumAge != .zero, "maximumAge", "must be greater than 0; leave it out for none")
        problems.require(
            keepaliveInterval == .zero || keepaliveInterval >= Self.shortestKeepalive,
            "keepaliveInterval",
            "must be at least 1 ms, or 0 for never"
        )
        problems.require(keepaliveTimeout >= Self.shortestKeepalive, "keepaliveTimeout", "must be at least 1 ms")
        try problems.throwIfAny()
    }

    /// The bounds of `per_upstream_preconnect_ratio`.
    package static let preconnectRatios = 1.0...3.0
    /// The bounds of `Http2ProtocolOptions.max_concurrent_streams`.
    package static let concurrentStreams: ClosedRange<UInt32> = 1...2_147_483_647
    /// The lower bound of both times in `KeepaliveSettings`.
    package static let shortestKeepalive = Nanoseconds.milliseconds(1)
}
