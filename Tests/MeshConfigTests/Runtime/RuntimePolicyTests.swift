// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import Testing

/// The runtime's values in filters and policies.
@Suite struct RuntimePolicyTests {
    @Test func `faults, by Envoy's keys or their own`() {
        var fault = FaultConfiguration(
            delay: .init(duration: .seconds(1), percentage: .none, upTo: .seconds(2)),
            abort: .init(status: 503, percentage: .none),
            responseRate: .init(kibibytesPerSecond: 1, percentage: .none)
        )
        func resolved(_ values: [String: RuntimeValue]) -> FaultConfiguration? {
            Layered.routes(
                Layered.resources(values, routes: [Route(action: .nonForwarding, fault: fault)]).resolvingRuntime()
            )
            .first?.fault
        }
        let all = resolved([
            "fault.http.delay.fixed_delay_percent": .integer(1), "fault.http.delay.fixed_duration_ms": .integer(250),
            "fault.http.abort.abort_percent": .integer(2), "fault.http.abort.http_status": .integer(418),
            "fault.http.max_active_faults": .integer(7), "fault.http.rate_limit.response_percent": .integer(3),
        ])
        #expect(all?.delay == .init(duration: .milliseconds(250), percentage: Layered.share(1)))
        #expect(all?.abort == .init(status: 418, percentage: Layered.share(2)))
        #expect(all?.responseRate?.percentage == Layered.share(3))
        #expect(all?.maximumActive == 7)
        // No time is no delay, no fault at once is no fault, and a status must be one.
        #expect(resolved(["fault.http.delay.fixed_duration_ms": .integer(0)])?.delay == nil)
        let none = resolved(["fault.http.max_active_faults": .integer(0)])
        #expect(none?.delay == nil && none?.abort == nil && none?.responseRate == nil)
        #expect(resolved(["fault.http.abort.http_status": .integer(199)])?.abort?.status == 503)
        #expect(resolved(["fault.http.abort.grpc_status": .integer(5)])?.abort?.grpcStatus == nil)
        fault.abort = .init(grpcStatus: 14, percentage: .all)
        #expect(resolved(["fault.http.abort.grpc_status": .integer(5)])?.abort?.grpcStatus == 5)
        fault.runtimeKeys.abortPercentage = "own"
        let own = resolved(["own": .integer(9), "fault.http.abort.abort_percent": .integer(2)])
        #expect(own?.abort?.percentage == Layered.share(9))
    }

    @Test func `what requests ask for is theirs, but for the share`() {
        let fault = FaultConfiguration(delay: .init(byHeader: .all), abort: .init(byHeader: .all))
        let values: [String: RuntimeValue] = [
            "fault.http.delay.fixed_delay_percent": .integer(1), "fault.http.delay.fixed_duration_ms": .integer(250),
            "fault.http.abort.http_status": .integer(418),
        ]
        let resolved = Layered.resources(values, filters: [.fault(fault)]).resolvingRuntime()
        guard case .fault(let found)? = resolved.listeners["l"]?.filters.first else {
            Issue.record("there is no fault")
            return
        }
        #expect(found.delay == .init(byHeader: Layered.share(1)))
        #expect(found.abort == .init(byHeader: .all))
        #expect(resolved.ignored.map(\.path) == ["fault.http.abort.http_status", "fault.http.delay.fixed_duration_ms"])
    }

    @Test func `CORS and rate limits`() {
        let cors = CORSPolicy(
            origins: [],
            enabled: RuntimeFraction(.all, key: "cors.on"),
            observed: RuntimeFraction(.none, key: "cors.shadow")
        )
        var forward = RouteAction.Forward(target: .clusters(WeightedClusters(single: "c")))
        forward.rateLimits = [RouteRateLimit([.sourceCluster], disableKey: "k"), RouteRateLimit([.sourceCluster])]
        let local = LocalRateLimitFilter(
            LocalRateLimitConfiguration(),
            enabled: RuntimeFraction(.none, key: "local.on"),
            enforced: RuntimeFraction(.none, key: "local.enforced")
        )
        let resolved = Layered.resources(
            [
                "cors.on": .integer(1), "cors.shadow": .integer(2), "ratelimit.k.http_filter_enabled": .integer(3),
                "local.on": .integer(4), "local.enforced": .integer(5),
            ],
            routes: [Route(action: .forward(forward), cors: cors)],
            filters: [.localRateLimit(local)]
        ).resolvingRuntime()
        let route = Layered.routes(resolved).first
        #expect(route?.cors?.enabled.share == Layered.share(1) && route?.cors?.observed.share == Layered.share(2))
        let limits = Layered.forward(route)?.rateLimits ?? []
        #expect(limits.map { $0.share } == [Layered.share(3), FractionalPercent.all])
        #expect(limits.first?.isEnabled(RoutingFacts(random: 2)) == true)
        #expect(limits.first?.isEnabled(RoutingFacts(random: 3)) == false)
        guard case .localRateLimit(let filter)? = resolved.listeners["l"]?.filters.first else {
            Issue.record("there is no limit")
            return
        }
        #expect(filter.enabled.share == Layered.share(4) && filter.enforced.share == Layered.share(5))
        #expect(resolved.ignored == [])
    }

    @Test func `admission control, within Envoy's bounds`() {
        let keys = AdmissionRuntimeKeys(
            enabled: "on",
            aggression: "aggression",
            threshold: "threshold",
            minimumRate: "rate",
            maximumRefusal: "refusal"
        )
        let policies = TrafficPolicies(admissionControl: AdmissionControlConfiguration(runtimeKeys: keys))
        func resolved(_ values: [String: RuntimeValue]) -> AdmissionControlConfiguration? {
            let resources = Layered.resources(values, filters: [.policies(policies)]).resolvingRuntime()
            guard case .policies(let policies)? = resources.listeners["l"]?.filters.first else { return nil }
            return policies.admissionControl
        }
        func rate(_ values: [String: RuntimeValue]) -> AdmissionControlConfiguration.SuccessRate? {
            guard case .successRate(let rate)? = resolved(values)?.algorithm else { return nil }
            return rate
        }
        #expect(resolved(["on": .boolean(false)])?.mode == .disabled)
        #expect(resolved(["on": .integer(1)])?.mode == .enforce)
        #expect(resolved(["refusal": .number(12.5)])?.maximumRefusal == 0.125)
        #expect(resolved(["refusal": .integer(500)])?.maximumRefusal == 1)
        #expect(resolved(["refusal": .number(-1)])?.maximumRefusal == 0.8)
        #expect(rate(["aggression": .number(2.5)])?.aggression == 2.5)
        #expect(rate(["aggression": .number(0.5)])?.aggression == 1)
        #expect(rate(["threshold": .integer(50)])?.threshold == 0.5)
        #expect(rate(["threshold": .integer(0)])?.threshold == 0.95)
        #expect(rate(["rate": .integer(9)])?.minimumRate == 9)
        #expect(rate(["rate": .integer(.max)])?.minimumRate == 1_000_000)
    }

    @Test func `adaptive concurrency is switched on and off`() {
        var limit = AdaptiveLimitConfiguration(mode: .disabled, enabledKey: "on")
        func mode(_ value: RuntimeValue) -> PolicyMode? {
            var cluster = Cluster(name: "c")
            cluster.policies.adaptiveLimit = limit
            return Layered.resources(["on": value], clusters: [cluster]).resolvingRuntime()
                .clusters["c"]?.policies.adaptiveLimit?.mode
        }
        #expect(mode(.boolean(true)) == .enforce)
        #expect(mode(.text("yes")) == .disabled)
        limit.mode = .observe
        #expect(mode(.boolean(false)) == .disabled)
    }

    @Test func `Envoy's gradient controller`() {
        func resolved(_ values: [String: RuntimeValue]) -> EnvoyGradientLimit.Configuration? {
            let prefix = "adaptive_concurrency.gradient_controller."
            let keyed = Dictionary(uniqueKeysWithValues: values.map { (prefix + $0.key, $0.value) })
            let policies = TrafficPolicies(adaptiveLimit: AdaptiveLimitConfiguration(algorithm: .envoyGradient))
            let resources = Layered.resources(keyed, filters: [.policies(policies)]).resolvingRuntime()
            guard case .policies(let found)? = resources.listeners["l"]?.filters.first,
                case .envoyGradient(let limit)? = found.adaptiveLimit?.algorithm
            else { return nil }
            return limit
        }
        let all = resolved([
            "sample_aggregate_percentile": .integer(90), "max_concurrency_limit": .integer(20),
            "sample_rtt_calc_interval_ms": .integer(30), "min_rtt_calc_interval_ms": .integer(40),
            "min_rtt_aggregate_request_count": .integer(50), "jitter": .integer(10), "min_concurrency": .integer(6),
            "min_rtt_buffer": .integer(500),
        ])
        let meant = EnvoyGradientLimit.Configuration(
            percentile: 0.9,
            maximum: 20,
            updateInterval: .milliseconds(30),
            measureInterval: .milliseconds(40),
            measureCalls: 50,
            jitter: 0.1,
            measureLimit: 6,
            buffer: 1
        )
        #expect(all == meant)
        #expect(resolved(["sample_aggregate_percentile": .integer(0)])?.percentile == 0.0001)
        #expect(resolved(["max_concurrency_limit": .integer(2)])?.measureLimit == 2)
        #expect(resolved(["max_concurrency_limit": .integer(0)]) == EnvoyGradientLimit.Configuration())
    }
}
