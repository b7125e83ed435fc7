// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RetryPolicy {
    /// Every value in force.
    public var settings: [PolicySetting] {
        let names = RetryConditions.names.filter { conditions.contains($0.condition) }.map(\.name)
        let standard = RetryConditions.names.filter { RetryConditions.standard.contains($0.condition) }.map(\.name)
        return [
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("maximumAttempts", maximumAttempts, default: 2, from: "Envoy RetryPolicy.num_retries"),
            PolicySetting(
                "conditions",
                names.joined(separator: ","),
                default: standard.joined(separator: ","),
                from: "Istio"
            ),
            PolicySetting(
                "retriableStatusCodes",
                retriableStatusCodes,
                default: [],
                from: "Envoy RetryPolicy.retriable_status_codes"
            ),
            PolicySetting("retriableHeaders", retriableHeaders.count, default: 0, from: "Envoy RetryPolicy"),
            PolicySetting(
                "retriableRequestHeaders",
                retriableRequestHeaders.count,
                default: 0,
                from: "Envoy RetryPolicy"
            ),
            PolicySetting("perTryTimeout", perTryTimeout, default: nil, from: "Envoy RetryPolicy.per_try_timeout"),
            PolicySetting("backoff.base", backoff.base, default: .milliseconds(25), from: "Envoy RetryBackOff"),
            PolicySetting("backoff.maximum", backoff.maximum, default: .milliseconds(250), from: "Envoy RetryBackOff"),
            PolicySetting("backoff.growth", backoff.growth, default: .exponential(factor: 2), from: "Envoy"),
            PolicySetting("backoff.jitter", backoff.jitter, default: .remainder, from: "Envoy"),
            PolicySetting("replay", replay, default: .harmless, from: "MeshResilience"),
            PolicySetting(
                "avoidsPreviousEndpoints",
                avoidsPreviousEndpoints,
                default: true,
                from: "Istio retry_host_predicate"
            ),
            PolicySetting(
                "priorityUpdateFrequency",
                priorityUpdateFrequency,
                default: nil,
                from: "Envoy RetryPolicy.retry_priority"
            ),
            PolicySetting("totalTime", totalTime, default: nil, from: "Failsafe maxDuration"),
            PolicySetting("predicate", predicate?.name, default: nil, from: "MeshResilience"),
            PolicySetting(
                "rateLimitedBackoff",
                rateLimitedBackoff?.description,
                default: RateLimitedBackoff().description,
                from: "RFC 9110 Retry-After, Envoy RateLimitedRetryBackOff"
            ),
            PolicySetting("honoursGRPCPushback", honoursGRPCPushback, default: true, from: "gRFC A6"),
            PolicySetting("attemptCeiling", attemptCeiling, default: nil, from: "MeshResilience"),
            PolicySetting("chainStop", chainStop, default: nil, from: "MeshResilience"),
            PolicySetting("budgetShare", budgetShare, default: nil, from: "MeshResilience"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...1000).contains(maximumAttempts),
            "maximumAttempts",
            "must be from 1 to 1000, is \(maximumAttempts)"
        )
        problems.require(perTryTimeout != .zero, "perTryTimeout", "must be greater than 0")
        for (position, code) in retriableStatusCodes.enumerated() {
            problems.require(
                (100...599).contains(code),
                "retriableStatusCodes[\(position)]",
                "must be from 100 to 599, is \(code)"
            )
        }
        _ = problems.nest("backoff") { () throws(ConfigurationError) in try backoff.validate() }
        problems.require(
            priorityUpdateFrequency ?? 1 >= 1,
            "priorityUpdateFrequency",
            "must be at least 1, is \(priorityUpdateFrequency ?? 1)"
        )
        problems.require(totalTime != .zero, "totalTime", "must be greater than 0")
        if let rateLimitedBackoff {
            _ = problems.nest("rateLimitedBackoff") { () throws(ConfigurationError) in
                try rateLimitedBackoff.validate()
            }
        }
        if let attemptCeiling {
            problems.require(attemptCeiling >= 1, "attemptCeiling", "must be at least 1, is \(attemptCeiling)")
        }
        if case .header(let name) = chainStop {
            problems.require(name.isValid, "chainStop.header", "is no header name: \(name)")
        }
        if let budgetShare {
            problems.require(
                budgetShare >= 0 && budgetShare <= 1000,
                "budgetShare",
                "must be from 0 to 1000, is \(budgetShare)"
            )
        }
        try problems.throwIfAny()
    }
}

extension RetryPolicy.ChainStop {
    /// The header that is read from requests and set on retries.
    @usableFromInline var header: HeaderName {
        switch self {
        case .attemptCount: "x-envoy-attempt-count"
        case .header(let name): name
        }
    }

    /// Whether a header of that value marks a retry.
    func marksRetry(_ value: String) -> Bool {
        switch self {
        case .attemptCount: (UInt64(value) ?? 0) > 1
        case .header: true
        }
    }
}
