// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a request of a route or a virtual host is counted under (`envoy.config.route.v3.RateLimit`): actions that make
/// one descriptor, each an entry of it.
public struct RouteRateLimit: Hashable, Sendable {
    /// Where the limit of a descriptor comes from, in place of what the service has configured (`RateLimit.Override`).
    public enum LimitSource: Hashable, Sendable {
        /// This limit.
        case fixed(RateLimitDescriptor.Limit)
        /// What filters noted at a place: an object with `requests_per_unit`, a number, and `unit`, such as `MINUTE`.
        /// Where there is none, the service's own limit counts.
        case metadata(filter: String, path: [String])
    }

    /// How many hits a request counts for (`RateLimit.HitsAddend`).
    public enum Hits: Hashable, Sendable {
        /// So many.
        case number(UInt64)
        /// What the format comes to. Where that is no number from 0 to 10⁹, there is no descriptor.
        case format(HeaderFormat)
    }

    /// Which filters the limit is for: those of the same stage, 0 to 10. Default 0.
    public var stage: Int
    /// The runtime key `ratelimit.KEY.http_filter_enabled` switches it off for a share of the requests; empty for none.
    ///
    /// Local rate limits leave a limit with a key out altogether, as Envoy's do.
    public var disableKey: String
    /// The share of requests that the limit holds for while the runtime says nothing else. Default: all, as in Envoy, which
    /// has no field for it.
    public var share: FractionalPercent = .all
    /// What makes the entries, in order; at least one.
    public var actions: [RateLimitAction]
    /// Where the limit comes from; `nil` for what the service has configured.
    public var limit: LimitSource?
    /// How many hits a request counts for; `nil` for one.
    public var hits: Hits?
    /// Whether the hits are given back and not used up (`is_negative_hits`).
    public var refunds: Bool
    /// Whether the service is told when the request has ended, and never asked (`apply_on_stream_done`).
    public var appliesAtEnd: Bool
    /// Whether answers tell of this limit, in place of what the filter says (`x_ratelimit_option`).
    public var headers: RateLimitHeaders?

    /// Creates a limit.
    public init(
        _ actions: [RateLimitAction],
        stage: Int = 0,
        disableKey: String = "",
        limit: LimitSource? = nil,
        hits: Hits? = nil,
        refunds: Bool = false,
        appliesAtEnd: Bool = false,
        headers: RateLimitHeaders? = nil
    ) {
        self.actions = actions
        self.stage = stage
        self.disableKey = disableKey
        self.limit = limit
        self.hits = hits
        self.refunds = refunds
        self.appliesAtEnd = appliesAtEnd
        self.headers = headers
    }

    /// The runtime key by which the limit is switched off, if it has a `disableKey`.
    public var runtimeKey: String { "ratelimit.\(disableKey).http_filter_enabled" }

    /// The most hits that a format may come to.
    static let mostHits = 1e9

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require((0...10).contains(stage), "stage", "must be from 0 to 10, is \(stage)")
        problems.require(!actions.isEmpty, "actions", "at least one action is needed")
        for (position, action) in actions.enumerated() {
            let path = "actions[\(position)]"
            _ = problems.nest(path) { () throws(ConfigurationError) in try action.validate() }
        }
        try problems.throwIfAny()
    }
}
