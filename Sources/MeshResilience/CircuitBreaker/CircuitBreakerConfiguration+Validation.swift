// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension CircuitBreakerConfiguration: PolicyConfiguration {
    /// The circuit breaker.
    public static var kind: PolicyKind { .circuitBreaker }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let standard = CircuitBreakerConfiguration()
        func setting<Value: Equatable>(
            _ name: String,
            _ value: KeyPath<Self, Value>,
            _ origin: String
        ) -> PolicySetting {
            PolicySetting(name, self[keyPath: value], default: standard[keyPath: value], from: origin)
        }
        return [
            setting("failureRate", \.failureRate, "Hystrix, resilience4j"),
            setting("minimumCalls", \.minimumCalls, "Hystrix requestVolumeThreshold"),
            setting("window", \.window, "Hystrix rolling window"),
            setting("openDuration", \.openDuration, "Hystrix sleepWindow, Polly"),
            setting("probes", \.probes, "Hystrix, Polly"),
            setting("buckets", \.buckets, "Hystrix, Polly"),
            setting("callWindow", \.callWindow, "Hystrix"),
            setting("consecutiveFailures", \.consecutiveFailures, "Hystrix"),
            setting("failureCount", \.failureCount, "Hystrix"),
            setting("minimumSuccessRate", \.minimumSuccessRate, "Hystrix"),
            setting("averageSuccessRate", \.averageSuccessRate, "Hystrix"),
            setting("averageSpan", \.averageSpan, "Finagle FailureAccrualPolicy"),
            setting("slowCallRate", \.slowCallRate, "Hystrix"),
            setting("slowCallDuration", \.slowCallDuration, "resilience4j slowCallDurationThreshold"),
            setting("opensOnAnyCall", \.opensOnAnyCall, "Polly, Finagle, gobreaker"),
            setting("openGrowth", \.openGrowth, "Hystrix, Polly, resilience4j"),
            setting("openJitter", \.openJitter, "Hystrix, Polly, resilience4j"),
            setting("maximumOpenDuration", \.maximumOpenDuration, "bound of openDuration"),
            setting("openSchedule", \.openSchedule, "Hystrix"),
            setting("maximumRetryAfter", \.maximumRetryAfter, "Linkerd"),
            setting("recovery", \.recovery, "Hystrix, Polly, gobreaker"),
            setting("probeInterval", \.probeInterval, "Hystrix"),
            setting("probeTimeout", \.probeTimeout, "swift-service-mesh"),
            setting("halfOpenLimit", \.halfOpenLimit, "resilience4j maxWaitDurationInHalfOpenState"),
            setting("closesAfterHalfOpenLimit", \.closesAfterHalfOpenLimit, "resilience4j"),
            setting("reopensOnIgnoredProbe", \.reopensOnIgnoredProbe, "resilience4j, Finagle"),
            setting("isHalfOpenAutomatic", \.isHalfOpenAutomatic, "resilience4j"),
            setting("countsWhileOpen", \.countsWhileOpen, "Linkerd"),
            setting("recognizesOverload", \.recognizesOverload, "Hystrix, resilience4j"),
            setting("initialState", \.initialState, "resilience4j"),
            setting("mode", \.mode, "swift-service-mesh"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        validateRules(&problems)
        validateOpening(&problems)
        validateRecovery(&problems)
        try problems.throwIfAny()
    }

    private static let longest = Nanoseconds.seconds(86_400)

    private func validateRules(_ problems: inout ProblemCollector) {
        func requireShare(_ value: Double?, _ name: String, zero: Bool = false) {
            guard let value else { return }
            let isGood = value <= 1 && (value > 0 || zero && value == 0)
            problems.require(isGood, name, "must be \(zero ? "from 0 to" : "above 0 and at most") 1, is \(value)")
        }
        func requireCount(_ value: Int?, _ name: String, from least: Int = 1) {
            guard let value else { return }
            problems.require((least...1_000_000).contains(value), name, "must be from \(least) to 1000000, is \(value)")
        }
        let hasRule =
            failureRate != nil || slowCallRate != nil || minimumSuccessRate != nil || averageSuccessRate != nil
            || consecutiveFailures != nil || failureCount != nil
        requireShare(failureRate, "failureRate")
        problems.require(hasRule, "failureRate", "one rule that opens the breaker must be set")
        requireCount(minimumCalls, "minimumCalls", from: 0)
        problems.require(
            window > .zero && (window <= Self.longest || window == .forever),
            "window",
            "must be above 0 and at most 24 h, or forever"
        )
        problems.require((1...10_000).contains(buckets), "buckets", "must be from 1 to 10000, is \(buckets)")
        requireCount(callWindow, "callWindow")
        requireCount(consecutiveFailures, "consecutiveFailures")
        requireCount(failureCount, "failureCount")
        if let failureCount, let callWindow {
            problems.require(failureCount <= callWindow, "failureCount", "must be at most callWindow, \(callWindow)")
        }
        requireShare(minimumSuccessRate, "minimumSuccessRate", zero: true)
        requireShare(averageSuccessRate, "averageSuccessRate", zero: true)
        requireCount(averageSpan, "averageSpan")
        requireShare(slowCallRate, "slowCallRate")
        problems.require(
            slowCallDuration > .zero && slowCallDuration <= Self.longest,
            "slowCallDuration",
            "must be above 0 and at most 24 h"
        )
    }

    private func validateOpening(_ problems: inout ProblemCollector) {
        problems.require(
            openDuration > .zero && openDuration <= Self.longest,
            "openDuration",
            "must be above 0 and at most 24 h"
        )
        if case .exponential(let factor) = openGrowth {
            problems.require(factor >= 1 && factor <= 1_000, "openGrowth", "must be from 1 to 1000, is \(factor)")
        }
        switch openJitter {
        case .none, .equal: break
        case .additive(let share):
            problems.require(share >= 0 && share <= 100, "openJitter", "must be from 0 to 100, is \(share)")
        case .symmetric(let share):
            problems.require(share >= 0 && share <= 1, "openJitter", "must be from 0 to 1, is \(share)")
        }
        problems.require(
            maximumOpenDuration >= openDuration && maximumOpenDuration <= Self.longest,
            "maximumOpenDuration",
            "must be at least openDuration and at most 24 h"
        )
        problems.require(openSchedule.count <= 1_000, "openSchedule", "must have at most 1000 entries")
        for (index, entry) in openSchedule.prefix(1_000).enumerated() {
            problems.require(
                entry > .zero && entry <= Self.longest,
                "openSchedule[\(index)]",
                "must be above 0 and at most 24 h"
            )
        }
        problems.require(maximumRetryAfter <= Self.longest, "maximumRetryAfter", "must be at most 24 h")
    }

    private func validateRecovery(_ problems: inout ProblemCollector) {
        problems.require((1...10_000).contains(probes), "probes", "must be from 1 to 10000, is \(probes)")
        switch recovery {
        case .allProbesSucceed: break
        case .successes(let count):
            problems.require((1...10_000).contains(count), "recovery", "must be from 1 to 10000, is \(count)")
        case .rates:
            problems.require(
                failureRate != nil || slowCallRate != nil || minimumSuccessRate != nil,
                "recovery",
                "by rates needs a rate: failureRate, minimumSuccessRate or slowCallRate"
            )
        }
        problems.require(probeInterval <= Self.longest, "probeInterval", "must be at most 24 h")
        problems.require(
            probeTimeout > .zero && (probeTimeout <= Self.longest || probeTimeout == .forever),
            "probeTimeout",
            "must be above 0 and at most 24 h, or forever"
        )
        problems.require(
            halfOpenLimit > .zero && (halfOpenLimit <= Self.longest || halfOpenLimit == .forever),
            "halfOpenLimit",
            "must be above 0 and at most 24 h, or forever"
        )
        problems.require(
            halfOpenLimit == .forever || probeInterval < halfOpenLimit,
            "probeInterval",
            "must be below halfOpenLimit"
        )
    }
}
