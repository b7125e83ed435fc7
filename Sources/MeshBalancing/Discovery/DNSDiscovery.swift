// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How the endpoints of a cluster are found by their host names (`envoy.extensions.clusters.dns.v3.DnsCluster`).
public struct DNSDiscovery: Hashable, Sendable {
    /// What becomes of the addresses of a name.
    public enum Kind: String, Hashable, CaseIterable, Sendable {
        /// Each is an endpoint (Envoy's `STRICT_DNS`).
        case strict
        /// All together are one endpoint: new connections go to the first that can be reached, and those that there are
        /// stay when the answer changes (Envoy's `LOGICAL_DNS`, gRFC A37).
        case logical
    }

    /// How long to wait after lookups that failed.
    public struct FailureBackoff: Hashable, Sendable {
        /// The longest wait after the first failure; each further one doubles it. At least 1 ms.
        public var base: Nanoseconds
        /// The longest wait of all; at least `base`.
        public var maximum: Nanoseconds

        /// Creates a back-off.
        /// - Parameter maximum: Default ten times `base`: Envoy's `RefreshRate.max_interval`.
        public init(base: Nanoseconds, maximum: Nanoseconds? = nil) {
            self.base = base
            let (product, overflow) = base.rawValue.multipliedReportingOverflow(by: 10)
            self.maximum = maximum ?? (overflow ? .forever : Nanoseconds(rawValue: product))
        }
    }

    /// What becomes of the addresses of a name.
    public var kind: Kind
    /// How long after an answer the next lookup is made; at least 1 ms, and `forever` for one lookup.
    ///
    /// Default 5 s: Envoy's `dns_refresh_rate`.
    public var refreshInterval: Nanoseconds
    /// How long to wait after a failure, at random up to a bound that doubles; `nil` for `refreshInterval`.
    ///
    /// Default `nil`: Envoy's `dns_failure_refresh_rate` is unset by default.
    public var failureBackoff: FailureBackoff?
    /// By how much lookups are put off at random, so that many processes do not ask at once.
    ///
    /// Default 0: Envoy's `dns_jitter`.
    public var jitter: Nanoseconds
    /// Whether the answer's shortest time to live, where the resolver knows it, takes the place of `refreshInterval`; from
    /// 1 s to 1 h of it count.
    ///
    /// Default `false`: Envoy's `respect_dns_ttl`. The system's resolver knows no time to live.
    public var respectsTTL: Bool
    /// Which addresses are wanted.
    ///
    /// Default `automatic`: Envoy's `dns_lookup_family`.
    public var lookupFamily: DNSLookupFamily
    /// How long a lookup may take; from 1 ms to 1 min.
    ///
    /// Default 5 s: `query_timeout_seconds` of Envoy's c-ares resolver.
    public var lookupTimeout: Nanoseconds

    /// Creates settings.
    public init(
        kind: Kind = .strict,
        refreshInterval: Nanoseconds = .seconds(5),
        failureBackoff: FailureBackoff? = nil,
        jitter: Nanoseconds = .zero,
        respectsTTL: Bool = false,
        lookupFamily: DNSLookupFamily = .automatic,
        lookupTimeout: Nanoseconds = .seconds(5)
    ) {
        self.kind = kind
        self.refreshInterval = refreshInterval
        self.failureBackoff = failureBackoff
        self.jitter = jitter
        self.respectsTTL = respectsTTL
        self.lookupFamily = lookupFamily
        self.lookupTimeout = lookupTimeout
    }

    /// The settings of a strict DNS cluster with Envoy's defaults.
    public static let strict = DNSDiscovery(kind: .strict)
    /// The settings of a logical DNS cluster with Envoy's defaults.
    public static let logical = DNSDiscovery(kind: .logical)

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        func check(_ value: Nanoseconds, _ path: String) {
            problems.require(value >= .milliseconds(1), path, "must be at least 1 ms, is \(value.duration)")
        }
        check(refreshInterval, "refreshInterval")
        check(lookupTimeout, "lookupTimeout")
        let longest = Nanoseconds.seconds(60)
        problems.require(
            lookupTimeout <= longest,
            "lookupTimeout",
            "must be at most \(longest.duration), is \(lookupTimeout.duration)"
        )
        if let failureBackoff {
            check(failureBackoff.base, "failureBackoff.base")
            problems.require(
                failureBackoff.maximum >= failureBackoff.base,
                "failureBackoff.maximum",
                "must be at least the base of \(failureBackoff.base.duration), is \(failureBackoff.maximum.duration)"
            )
        }
        try problems.throwIfAny()
    }
}
