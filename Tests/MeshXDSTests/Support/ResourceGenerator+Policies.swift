// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

extension ResourceGenerator {
    /// What xDS can say of a route's policies.
    mutating func routePolicies() -> TrafficPolicies {
        var policies = TrafficPolicies()
        if chance(20) { policies.admissionControl = AdmissionControlConfiguration(mode: .disabled) }
        if chance(20) { policies.adaptiveLimit = AdaptiveLimitConfiguration(mode: .disabled) }
        guard chance(30) else { return policies }
        let codes: [Int]? = pick([nil, [], [409, 503], [502, 503, 504]])
        let grpc = [1, 4, 8, 13, 14].filter { _ in chance(30) }
        policies.hedging = HedgingConfiguration(
            maximumAttempts: 2 + below(99),
            delay: .fixed(span(atMost: 3_600_000_000_000)),
            hedgesFailures: true,
            ownBudget: nil,
            nonFatalStatusCodes: codes,
            nonFatalGRPCStatusCodes: grpc,
            hedgesNonIdempotent: chance()
        )
        if chance(20) {
            policies.hedging?.hedgesFailures = false
            policies.hedging?.nonFatalStatusCodes = []
            policies.hedging?.nonFatalGRPCStatusCodes = []
        }
        return policies
    }

    /// What xDS can say of a listener's policies: one in each filter.
    mutating func listenerPolicies() -> TrafficPolicies {
        let mode = pick([PolicyMode.enforce, .disabled])
        guard chance() else {
            let gradient = EnvoyGradientLimit.Configuration(
                percentile: pick([0.5, 0.75, 1]),
                maximum: 10 + below(1000),
                updateInterval: span(atMost: 3_600_000_000_000),
                measureInterval: .seconds(1 + UInt64(below(3600))),
                measureCalls: 1 + below(1000),
                jitter: pick([0, 0.25, 1]),
                measureLimit: 1 + below(9),
                fixedIdle: chance() ? span(atMost: 1_000_000_000) : nil,
                buffer: pick([0, 0.5, 1])
            )
            return TrafficPolicies(
                adaptiveLimit: .init(
                    algorithm: .envoyGradient(gradient),
                    status: pick([429, 503]),
                    mode: mode,
                    enabledKey: pick(["", "limit.enabled"])
                )
            )
        }
        let seconds = 1 + below(3600)
        let rate = AdmissionControlConfiguration.SuccessRate(
            threshold: pick([0.25, 0.5, 1]),
            aggression: pick([1, 2.5, 1000]),
            window: .seconds(UInt64(seconds)),
            buckets: seconds,
            minimumRate: Double(below(1000))
        )
        return TrafficPolicies(
            admissionControl: AdmissionControlConfiguration(
                algorithm: .successRate(rate),
                maximumRefusal: pick([0, 0.5, 1]),
                criteria: AdmissionCriteria(httpSuccess: [200..<300, 404..<405], grpcSuccess: [0, 5]),
                mode: mode,
                runtimeKeys: chance(20) ? admissionKeys() : .none
            )
        )
    }
}

extension RouteAction {
    /// Whether it says when to try again, which xDS cannot say beside hedges; or sends nothing at all.
    var retries: Bool {
        guard case .forward(let forward) = self else { return true }
        return forward.retry != nil
    }
}
