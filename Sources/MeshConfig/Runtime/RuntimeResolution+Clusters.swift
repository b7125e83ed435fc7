// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshResilience

extension RuntimeResolution {
    /// A cluster.
    mutating func resolve(_ cluster: inout Cluster) {
        resolve(&cluster.policies)
        resolve(&cluster.loadBalancing)
        if let percent = wholeNumber("upstream.healthy_panic_threshold") {
            cluster.panicThreshold = UInt32(min(percent, 100))
        }
        if var detection = cluster.outlierDetection {
            resolve(&detection)
            cluster.outlierDetection = detection
        }
        if case .zoneAware(var zones) = cluster.localities {
            if let percent = wholeNumber("upstream.zone_routing.enabled") {
                zones.enabledPercent = UInt32(min(percent, 100))
            }
            if let size = wholeNumber("upstream.zone_routing.min_cluster_size") { zones.minimumClusterSize = size }
            cluster.localities = .zoneAware(zones)
        }
        let limits = "circuit_breakers.\(cluster.name)"
        resolve(&cluster.concurrencyLimit.maximumRequests, "\(limits).default.max_requests")
        resolve(&cluster.concurrencyLimit.maximumPendingRequests, "\(limits).default.max_pending_requests")
        resolve(&cluster.concurrencyLimit.maximumConnections, "\(limits).default.max_connections")
        resolve(&cluster.maximumHighPriorityRequests, "\(limits).high.max_requests")
        if case .concurrency(var budget) = cluster.policies.retryBudget {
            resolve(&budget, "\(limits).default")
            cluster.policies.retryBudget = .concurrency(budget)
        }
    }

    /// Envoy's budget for retries. Without a percentage it is what `max_retries` allows.
    private mutating func resolve(_ budget: inout ConcurrencyRetryBudgetConfiguration, _ limits: String) {
        let keys = (percent: "\(limits).retry_budget.budget_percent", retries: "\(limits).max_retries")
        if budget.percent == 0, let most = wholeNumber(keys.retries) {
            budget.minimum = Int(UInt32(clamping: most))
        } else if let least = wholeNumber("\(limits).retry_budget.min_retry_concurrency") {
            budget.minimum = Int(UInt32(clamping: least))
        }
        guard let percent = decimal(keys.percent) else { return }
        guard percent >= 0 else { return refuse(keys.percent, "must be at least 0, is \(percent)") }
        budget.percent = min(percent, 100)
    }

    private mutating func resolve(_ limit: inout UInt32, _ key: String) {
        if let most = wholeNumber(key) { limit = UInt32(clamping: most) }
    }

    private mutating func resolve(_ balancing: inout Cluster.LoadBalancing) {
        switch balancing.policy {
        case var policy as LeastRequest:
            if let bias = decimal(policy.activeRequestBiasKey) {
                if bias >= 0 {
                    policy.activeRequestBias = bias
                } else {
                    refuse(policy.activeRequestBiasKey, "must be at least 0, is \(bias)")
                }
            }
            resolve(&policy.slowStart)
            balancing = Cluster.LoadBalancing(policy)
        case var policy as RoundRobin:
            resolve(&policy.slowStart)
            balancing = Cluster.LoadBalancing(policy)
        case var policy as ClientSideWeightedRoundRobin:
            resolve(&policy.slowStart)
            balancing = Cluster.LoadBalancing(policy)
        default: break
        }
    }

    private mutating func resolve(_ slowStart: inout SlowStart?) {
        guard var settings = slowStart, let aggression = decimal(settings.aggressionKey) else { return }
        guard aggression > 0 else { return refuse(settings.aggressionKey, "must be above 0, is \(aggression)") }
        settings.aggression = aggression
        slowStart = settings
    }
}
