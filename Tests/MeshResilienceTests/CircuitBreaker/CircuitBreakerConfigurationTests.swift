// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct CircuitBreakerConfigurationTests {
    @Test func `every bound that is broken is named`() {
        let configuration = CircuitBreakerConfiguration(
            failureRate: .nan,
            minimumCalls: -1,
            window: .zero,
            openDuration: .zero,
            probes: 0,
            buckets: 0,
            callWindow: 0,
            consecutiveFailures: -1,
            failureCount: 1_000_001,
            minimumSuccessRate: 1.01,
            averageSuccessRate: -.infinity,
            averageSpan: 0,
            slowCallRate: 0,
            slowCallDuration: .forever,
            openGrowth: .exponential(0.5),
            openJitter: .symmetric(1.5),
            maximumOpenDuration: .forever,
            openSchedule: [.seconds(1), .zero],
            maximumRetryAfter: .forever,
            recovery: .successes(0),
            probeInterval: .forever,
            probeTimeout: .zero,
            halfOpenLimit: .zero
        )
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(
            Set(error?.problems.map(\.path) ?? []) == [
                "failureRate", "minimumCalls", "window", "openDuration", "probes", "buckets", "callWindow",
                "consecutiveFailures", "failureCount", "minimumSuccessRate", "averageSuccessRate", "averageSpan",
                "slowCallRate", "slowCallDuration", "openGrowth", "openJitter", "maximumOpenDuration",
                "openSchedule[1]", "maximumRetryAfter", "recovery", "probeInterval", "probeTimeout",
                "halfOpenLimit",
            ]
        )
        #expect(throws: ConfigurationError.self) { _ = try CircuitBreaker(configuration) }
    }

    @Test(arguments: [
        ("failureRate", CircuitBreakerConfiguration(failureRate: nil)),
        ("recovery", CircuitBreakerConfiguration(failureRate: nil, consecutiveFailures: 1, recovery: .rates)),
        ("maximumOpenDuration", CircuitBreakerConfiguration(maximumOpenDuration: .seconds(4))),
        ("failureCount", CircuitBreakerConfiguration(callWindow: 5, failureCount: 6)),
        ("probeInterval", CircuitBreakerConfiguration(probeInterval: .seconds(9), halfOpenLimit: .seconds(9))),
        ("openJitter", CircuitBreakerConfiguration(openJitter: .additive(.nan))),
        ("openGrowth", CircuitBreakerConfiguration(openGrowth: .exponential(.infinity))),
        ("window", CircuitBreakerConfiguration(window: .seconds(86_401))),
    ])
    func `a combination that makes no sense is refused`(path: String, configuration: CircuitBreakerConfiguration) {
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.problems.map(\.path) == [path])
    }

    @Test(arguments: [
        CircuitBreakerConfiguration(), .hystrix, .resilience4j, .polly, .gobreaker, .linkerd, .finagle, .gopkg,
        .failsafe, .envoyLike,
    ])
    func `every dialect is valid`(configuration: CircuitBreakerConfiguration) throws {
        try configuration.validate()
        _ = try CircuitBreaker(configuration)
    }

    @Test func `the settings name every property, its value and where its default comes from`() {
        var configuration = CircuitBreakerConfiguration()
        let mirrored = Mirror(reflecting: configuration).children.compactMap(\.label)
        #expect(configuration.settings.map(\.name) == mirrored)
        #expect(configuration.settings.allSatisfy { if case .standard = $0.source { true } else { false } })
        configuration.openDuration = .seconds(7)
        configuration.consecutiveFailures = 3
        let changed = configuration.settings.filter { $0.source == .configured("") }
        #expect(changed.map(\.description) == ["openDuration 7.0 seconds", "consecutiveFailures 3"])
        #expect(configuration.settings.first?.description == "failureRate 0.5 (default: Hystrix, resilience4j)")
    }
}
