// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many answers are kept, and for how long. There is no default time to live: how old an answer may be only its owner
/// knows.
public struct ResponseCacheConfiguration: PolicyConfiguration {
    /// A cache.
    public static var kind: PolicyKind { .cache }

    /// For how long an answer is as good as new, greater than 0.
    public var timeToLive: Nanoseconds
    /// The most answers, 1 to 100 000 000; the least recently used goes first.
    ///
    /// Default 1024: ours. Hystrix bounds its cache by the life of a request, which a service has no use for.
    public var maximumEntries: Int
    /// The most that all answers together may cost, greater than 0, by the cache's cost function; `nil` for no bound.
    ///
    /// Default none.
    public var maximumCost: Int?
    /// For how long after its time an answer still takes the place of a failure.
    ///
    /// Default 0: RFC 5861 §4, `stale-if-error`, which holds only where it is said.
    public var staleIfError: Nanoseconds
    /// For how long after its time an answer is still given at once, while a new one is fetched.
    ///
    /// Default 0: RFC 5861 §3, `stale-while-revalidate`, likewise.
    public var staleWhileRevalidate: Nanoseconds
    /// Whether the policy acts.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        timeToLive: Nanoseconds,
        maximumEntries: Int = 1024,
        maximumCost: Int? = nil,
        staleIfError: Nanoseconds = .zero,
        staleWhileRevalidate: Nanoseconds = .zero,
        mode: PolicyMode = .enforce
    ) {
        self.timeToLive = timeToLive
        self.maximumEntries = maximumEntries
        self.maximumCost = maximumCost
        self.staleIfError = staleIfError
        self.staleWhileRevalidate = staleWhileRevalidate
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let own = "swift-service-mesh"
        return [
            PolicySetting("timeToLive", timeToLive),
            PolicySetting("maximumEntries", maximumEntries, default: 1024, from: own),
            PolicySetting("maximumCost", maximumCost, default: nil, from: own),
            PolicySetting("staleIfError", staleIfError, default: .zero, from: "RFC 5861 §4"),
            PolicySetting("staleWhileRevalidate", staleWhileRevalidate, default: .zero, from: "RFC 5861 §3"),
            PolicySetting("mode", mode, default: .enforce, from: own),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(timeToLive > .zero, "timeToLive", "must be greater than 0")
        problems.require(
            (1...100_000_000).contains(maximumEntries),
            "maximumEntries",
            "must be from 1 to 100000000, is \(maximumEntries)"
        )
        problems.require(maximumCost ?? 1 > 0, "maximumCost", "must be greater than 0, is \(maximumCost ?? 0)")
        try problems.throwIfAny()
    }
}
