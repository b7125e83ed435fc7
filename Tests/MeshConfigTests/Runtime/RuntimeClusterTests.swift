// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import Testing

/// The runtime's values in clusters.
@Suite struct RuntimeClusterTests {
    @Test func `how clusters pick and how much they take`() {
        var slowStart = SlowStart(window: .seconds(1))
        slowStart.aggressionKey = "grow"
        var policy = LeastRequest(slowStart: slowStart)
        policy.activeRequestBiasKey = "bias"
        let cluster = Cluster(name: "c", loadBalancing: .init(policy))
        let robin = Cluster(name: "r", loadBalancing: .init(RoundRobin(slowStart: slowStart)))
        let resolved = Layered.resources(
            [
                "bias": .number(0.5), "grow": .integer(2), "upstream.healthy_panic_threshold": .integer(20),
                "circuit_breakers.c.default.max_requests": .integer(5),
                "circuit_breakers.c.default.max_pending_requests": .integer(6),
                "circuit_breakers.c.default.max_connections": .integer(7),
                "circuit_breakers.c.high.max_requests": .integer(8),
                "circuit_breakers.other.high.max_requests": .integer(9),
            ],
            clusters: [cluster, robin]
        ).resolvingRuntime()
        let found = resolved.clusters["c"]
        let picked = found?.loadBalancing.policy as? LeastRequest
        #expect(picked?.activeRequestBias == 0.5 && picked?.slowStart?.aggression == 2)
        #expect((resolved.clusters["r"]?.loadBalancing.policy as? RoundRobin)?.slowStart?.aggression == 2)
        #expect(found?.panicThreshold == 20)
        #expect(found?.concurrencyLimit == .init(maximumRequests: 5, maximumPendingRequests: 6, maximumConnections: 7))
        #expect(found?.maximumHighPriorityRequests == 8)
        #expect(resolved.ignored.map(\.description).count == 1)
    }

    @Test func `outlier detection, of the rules that there are`() {
        var cluster = Cluster(name: "c", localities: .zoneAware(ZoneAware()))
        cluster.outlierDetection = OutlierDetection(consecutiveGatewayFailures: nil)
        let prefix = "outlier_detection."
        let percents = [
            "enforcing_consecutive_5xx": 1, "max_ejection_percent": 200, "failure_percentage_threshold": 40,
        ]
        let numbers = [
            "consecutive_5xx": 9, "consecutive_gateway_failure": 8, "consecutive_local_origin_failure": 0,
            "success_rate_minimum_hosts": 2, "success_rate_request_volume": 3, "success_rate_stdev_factor": 4,
            "failure_percentage_minimum_hosts": 5, "failure_percentage_request_volume": 6, "interval_ms": 7,
            "base_ejection_time_ms": 0, "max_ejection_time_ms": 10, "max_ejection_time_jitter_ms": 11,
        ]
        var values: [String: RuntimeValue] = [
            "upstream.zone_routing.enabled": .integer(30), "upstream.zone_routing.min_cluster_size": .integer(2),
        ]
        for (name, value) in percents.merging(numbers, uniquingKeysWith: { $1 }) {
            values[prefix + name] = .integer(UInt64(value))
        }
        let resolved = Layered.resources(values, clusters: [cluster]).resolvingRuntime()
        let found = resolved.clusters["c"]?.outlierDetection
        #expect(found?.consecutiveFailures == .init(9, enforcing: 1))
        #expect(found?.consecutiveGatewayFailures == nil && found?.consecutiveLocalOriginFailures == nil)
        #expect(
            found?.successRate == .init(minimumEndpoints: 2, requestVolume: 3, standardDeviationFactor: 4)
        )
        #expect(found?.failurePercentage == .init(threshold: 40, minimumEndpoints: 5, requestVolume: 6))
        #expect(found?.interval == .milliseconds(7) && found?.baseEjectionTime == .seconds(30))
        #expect(found?.maximumEjectionTime == .milliseconds(10))
        #expect(found?.maximumEjectionTimeJitter == .milliseconds(11) && found?.maximumEjectionPercent == 100)
        #expect(resolved.clusters["c"]?.localities == .zoneAware(ZoneAware(enabledPercent: 30, minimumClusterSize: 2)))
        let ignored = ["base_ejection_time_ms", "consecutive_gateway_failure"].map { prefix + $0 }
        #expect(resolved.ignored.map(\.path) == ignored)
        cluster.outlierDetection?.mode = .grpc
        let grpc = Layered.resources(values, clusters: [cluster]).resolvingRuntime()
        #expect(grpc.clusters["c"]?.outlierDetection == cluster.outlierDetection)
    }

    @Test func `the budget for retries, by either of Envoy's fields`() {
        func budget(
            _ budget: ConcurrencyRetryBudgetConfiguration,
            _ values: [String: RuntimeValue]
        ) -> ConcurrencyRetryBudgetConfiguration? {
            var cluster = Cluster(name: "c")
            cluster.policies.retryBudget = .concurrency(budget)
            let prefix = "circuit_breakers.c.default."
            let keyed = Dictionary(uniqueKeysWithValues: values.map { (prefix + $0.key, $0.value) })
            let resolved = Layered.resources(keyed, clusters: [cluster]).resolvingRuntime()
            guard case .concurrency(let found)? = resolved.clusters["c"]?.policies.retryBudget else { return nil }
            return found
        }
        let share = ConcurrencyRetryBudgetConfiguration(percent: 20, minimum: 3)
        let fixed = ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 3)
        let both: [String: RuntimeValue] = [
            "retry_budget.budget_percent": .number(12.5), "retry_budget.min_retry_concurrency": .integer(7),
        ]
        #expect(budget(share, both) == .init(percent: 12.5, minimum: 7))
        #expect(budget(share, ["max_retries": .integer(9)]) == share)
        #expect(budget(fixed, ["max_retries": .integer(9)]) == .init(percent: 0, minimum: 9))
        #expect(budget(share, ["retry_budget.budget_percent": .number(-1)]) == share)
        #expect(budget(share, ["retry_budget.budget_percent": .integer(500)])?.percent == 100)
    }
}
