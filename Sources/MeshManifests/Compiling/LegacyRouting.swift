// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshResilience

/// The rules of Istio's first API for one service, brought into the order in which they are asked.
struct LegacyRouting: Sendable {
    /// A fault for what goes to some workloads, whoever sends it there.
    struct Disturbance: Sendable {
        var labels: [String: String]
        var fault: FaultConfiguration
        var rule: RouteRule
    }

    /// The rules that route, the first that matches wins; nothing comes behind one without conditions.
    private(set) var rules: [RouteRule] = []
    /// The faults that rules without a split of their own add to it.
    private(set) var disturbances: [Disturbance] = []
    /// The rules that no request reaches.
    private(set) var unreachable: [RouteRule] = []

    /// - Parameter rules: The rules of one service, as they stand in the files.
    init(_ rules: [RouteRule]) {
        // Sorting is not stable in the standard library, so the place decides between equals.
        let sorted = rules.enumerated()
            .sorted { ($1.element.precedence, $0.offset) < ($0.element.precedence, $1.offset) }
            .map(\.element)
        let isSplit = sorted.contains { $0.condition == nil && $0.faultLabels == nil }
        for rule in sorted {
            if isSplit, let labels = rule.faultLabels, let fault = rule.fault {
                disturbances.append(Disturbance(labels: labels, fault: fault, rule: rule))
            } else if let last = self.rules.last, last.condition == nil {
                unreachable.append(rule)
            } else {
                self.rules.append(rule)
            }
        }
    }

    /// The fault for a share of a rule's traffic that has none of its own.
    func fault(for share: TrafficShare) -> Disturbance? {
        guard case .labels(let labels) = share.subset else {
            return disturbances.first { $0.labels.isEmpty }
        }
        return disturbances.first { labels.satisfies($0.labels) }
    }
}

extension RouteRule {
    /// The rule in the words of routing.
    var trafficRule: TrafficRule {
        let whole = TrafficDestination(host: destination, subset: .whole)
        let share = TrafficShare(destination: whole, weight: 100, position: position)
        return TrafficRule(
            defaultName: metadata.qualifiedName,
            position: position,
            conditions: condition.map { [$0] } ?? [],
            action: .forward(shares.isEmpty ? [share] : shares),
            timeout: timeout,
            retry: retry,
            fault: fault
        )
    }
}
