// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many callers may be answered by a fallback at once.
public struct FallbackConfiguration: PolicyConfiguration {
    /// A fallback.
    public static var kind: PolicyKind { .fallback }

    /// The most fallbacks under way, 1 to 1 000 000: when everything fails, what stands in must not fail of it.
    ///
    /// Default 10: Hystrix's `fallback.isolation.semaphore.maxConcurrentRequests`.
    public var maximumConcurrent: Int
    /// Whether the policy acts.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(maximumConcurrent: Int = 10, mode: PolicyMode = .enforce) {
        self.maximumConcurrent = maximumConcurrent
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting(
                "maximumConcurrent",
                maximumConcurrent,
                default: 10,
                from: "Hystrix fallback.isolation.semaphore.maxConcurrentRequests"
            ),
            PolicySetting("mode", mode, default: .enforce, from: "swift-service-mesh"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...1_000_000).contains(maximumConcurrent),
            "maximumConcurrent",
            "must be from 1 to 1000000, is \(maximumConcurrent)"
        )
        try problems.throwIfAny()
    }
}
