// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Metrics

/// The counter of what policies did, or would have done.
struct DecisionSeries: Sendable {
    /// A decision: all of its parts but the name are of small sets.
    struct Labels: SeriesLabels {
        var decision: PolicyDecision

        var overflow: Labels {
            var other = self
            other.decision.name = "other"
            return other
        }
    }

    let total: Counter

    init(_ labels: Labels, factory: any MetricsFactory) {
        let decision = labels.decision
        total = Counter(
            label: "mesh_policy_decisions_total",
            dimensions: [
                ("policy", decision.policy.rawValue), ("name", decision.name), ("action", decision.action.rawValue),
                ("reason", decision.reason.rawValue), ("mode", decision.isEnforced ? "enforce" : "observe"),
            ],
            factory: factory
        )
    }
}
