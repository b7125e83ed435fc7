// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct AdaptiveLimitConfigurationTests {
    @Test func `a configuration names every bound that is broken`() {
        let broken = AdaptiveLimitConfiguration(
            algorithm: .aimd(
                .init(
                    initial: 0,
                    minimum: 2,
                    maximum: 1,
                    increment: .nan,
                    backoff: 1,
                    backoffAtMaximum: 0,
                    timeout: .zero
                )
            ),
            window: LimitWindow(length: .zero, leastSamples: 0),
            partitions: [.init("a", share: .nan), .init("a", share: 2)],
            partitionHeader: "",
            maximumQueued: -1,
            maximumWait: .zero,
            status: 200
        )
        let error = #expect(throws: ConfigurationError.self) { try AdaptiveLimit(broken) }
        #expect(
            error?.problems.map(\.path) == [
                "algorithm.maximum", "algorithm.initial", "algorithm.increment", "algorithm.backoff",
                "algorithm.backoffAtMaximum", "algorithm.timeout", "window.length", "window.leastSamples",
                "partitions[0].share", "partitions[1].share", "partitions", "partitionHeader", "status",
                "maximumQueued",
                "maximumWait",
            ]
        )
    }

    @Test(arguments: [
        (
            AdaptiveLimitConfiguration.Algorithm.vegas(
                .init(
                    alpha: .fixed(9),
                    beta: .fixed(.infinity),
                    decrease: .factor(1),
                    smoothing: 0,
                    probeMultiplier: .infinity
                )
            ), ["beta", "decrease", "smoothing", "probeMultiplier"]
        ),
        (.vegas(.init(alpha: .fixed(9), beta: .fixed(8))), ["beta"]),
        (.envoyGradient(.init(maximum: -1)), ["maximum", "maximum", "initial", "measureLimit"]),
        (
            .gradient2(.init(smoothing: .nan, queue: -1, longWindow: 0, tolerance: 0.5)),
            ["smoothing", "queue", "longWindow", "tolerance"]
        ),
        (
            .envoyGradient(
                .init(
                    percentile: 2,
                    updateInterval: .zero,
                    measureInterval: .zero,
                    measureCalls: 0,
                    jitter: -1,
                    measureLimit: 0,
                    fixedIdle: .zero,
                    buffer: .infinity,
                    windowsAtMinimum: 0
                )
            ),
            [
                "minimum", "measureLimit", "fixedIdle", "percentile", "updateInterval", "measureInterval",
                "measureCalls", "jitter", "buffer",
                "windowsAtMinimum",
            ]
        ),
        (
            .correlatedVegas(
                .init(
                    maximum: .max,
                    maximumFactor: 0.5,
                    leastWindow: .zero,
                    greatestWindow: .zero,
                    leastSamples: 0,
                    percentile: 0,
                    baselineAge: 0,
                    correlationWindow: 1
                )
            ),
            [
                "maximum", "maximumFactor", "leastWindow", "leastSamples", "percentile", "baselineAge",
                "correlationWindow",
            ]
        ),
    ])
    func `an algorithm's settings name every bound that is broken`(
        algorithm: AdaptiveLimitConfiguration.Algorithm,
        paths: [String]
    ) {
        let error = #expect(throws: ConfigurationError.self) {
            try AdaptiveLimitConfiguration(algorithm: algorithm).validate()
        }
        #expect(error?.problems.map(\.path) == paths.map { "algorithm.\($0)" })
    }

    @Test(arguments: [
        (AdaptiveLimitConfiguration.Algorithm.aimd(.init()), "aimd", 9), (.vegas(.init()), "vegas", 8),
        (.gradient2, "gradient2", 7), (.envoyGradient, "envoyGradient", 11),
        (.correlatedVegas(.init()), "correlatedVegas", 10),
    ])
    func `settings name the algorithm and each of its values, with where the default comes from`(
        algorithm: AdaptiveLimitConfiguration.Algorithm,
        name: String,
        count: Int
    ) {
        let settings = AdaptiveLimitConfiguration(algorithm: algorithm, partitions: [.init("live", share: 0.3)])
            .settings
        #expect(settings[1].name == "algorithm" && settings[1].value == name)
        let own = settings.filter { $0.name.hasPrefix("algorithm.") }
        #expect(own.count == count)
        #expect(own.allSatisfy { if case .standard(let origin) = $0.source { !origin.isEmpty } else { false } })
        #expect(
            settings.contains { $0.description == "window.leastSamples 10 (default: concurrency-limits WindowedLimit)" }
        )
        #expect(settings.contains { $0.name == "partitions" && $0.source == .configured("") })
    }
}
