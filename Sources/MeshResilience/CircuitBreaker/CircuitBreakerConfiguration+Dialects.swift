// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Other libraries' breakers with their default values. What none of them has, `probeTimeout`, keeps our default.
extension CircuitBreakerConfiguration {
    /// Netflix Hystrix 1.5: half of at least 20 calls in 10 s, one probe after 5 s; a probe that is given up opens again.
    ///
    /// Hystrix looks at its rates every 500 ms, and counts its own refusals as failures; this breaker does neither.
    public static let hystrix = CircuitBreakerConfiguration(opensOnAnyCall: true, reopensOnIgnoredProbe: true)

    /// resilience4j 3: half of 100 calls, or all of them slower than 60 s; 10 probes after 60 s, judged by the same rates.
    public static let resilience4j = CircuitBreakerConfiguration(
        failureRate: 0.5,
        minimumCalls: 100,
        openDuration: .seconds(60),
        probes: 10,
        callWindow: 100,
        slowCallRate: 1,
        opensOnAnyCall: true,
        recovery: .rates,
        countsWhileOpen: .live
    )

    /// Polly 8: a tenth of at least 100 calls in 30 s, one probe after 5 s.
    ///
    /// Polly counts the caller's cancellation as a success that closes the circuit; this breaker ignores it.
    public static let polly = CircuitBreakerConfiguration(
        failureRate: 0.1,
        minimumCalls: 100,
        window: .seconds(30)
    )

    /// sony/gobreaker 2: more than five failures in a row, one probe after 60 s; counts are cleared with every state.
    public static let gobreaker = CircuitBreakerConfiguration(
        failureRate: nil,
        window: .forever,
        openDuration: .seconds(60),
        consecutiveFailures: 6,
        countsWhileOpen: .cleared
    )

    /// Linkerd 2: seven failures in a row, or fewer than 80% successes of at least 5 calls in 10 s; one probe after 1 s
    /// to 60 s, growing. Answers of overload are recognised.
    public static let linkerd = CircuitBreakerConfiguration(
        failureRate: nil,
        minimumCalls: 5,
        openDuration: .seconds(1),
        consecutiveFailures: 7,
        minimumSuccessRate: 0.8,
        opensOnAnyCall: true,
        openGrowth: .exponential(2),
        openJitter: .additive(0.5),
        maximumOpenDuration: .seconds(60),
        recognizesOverload: true
    )

    /// Finagle: five failures in a row, or fewer than 80% successes of at least 5 calls in 30 s; one probe after 5 s to
    /// 300 s, growing.
    public static let finagle = CircuitBreakerConfiguration(
        failureRate: nil,
        minimumCalls: 5,
        window: .seconds(30),
        consecutiveFailures: 5,
        minimumSuccessRate: 0.8,
        openGrowth: .exponential(2),
        openJitter: .equal,
        maximumOpenDuration: .seconds(300)
    )

    /// bytedance/gopkg, Kitex: half of at least 200 calls in 10 s; after 5 s one probe each 200 ms, two successes close.
    ///
    /// A probe that does not report does not hold up the next, as many as fit into 5 s.
    public static let gopkg = CircuitBreakerConfiguration(
        failureRate: 0.5,
        minimumCalls: 200,
        probes: 25,
        buckets: 100,
        recovery: .successes(2),
        probeInterval: .milliseconds(200)
    )

    /// Failsafe, failsafe-go: the first failure opens it for a minute, the first success of a probe closes it.
    public static let failsafe = CircuitBreakerConfiguration(
        failureRate: nil,
        openDuration: .seconds(60),
        consecutiveFailures: 1
    )

    /// The shape of Envoy's outlier detection: five failures in a row, 30 s times the ejections in a row, at most 300 s.
    ///
    /// Envoy ejects a host and brings it back by a timer; a breaker asks a probe first. `OutlierDetector` is the thing
    /// itself.
    public static let envoyLike = CircuitBreakerConfiguration(
        failureRate: nil,
        openDuration: .seconds(30),
        consecutiveFailures: 5,
        openGrowth: .linear,
        maximumOpenDuration: .seconds(300)
    )
}
