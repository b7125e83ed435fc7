// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Counts what policies did, and what they would have done: what a metrics observer makes a counter of.
final class DecisionCounter: Observer {
    private let counts = Mutex<[PolicyDecision: Int]>([:])

    /// A set with this observer alone, as policies take it.
    var alone: ObserverSet { ObserverSet([self]) }

    func noticed(_ event: MeshEvent) {
        guard case .policyActed(let decision) = event else { return }
        counts.withLock { $0[decision, default: 0] += 1 }
    }

    /// How often a policy did something, or would have done it.
    func count(_ policy: PolicyKind, _ action: PolicyDecision.Action, isEnforced: Bool) -> Int {
        counts.withLock { counts in
            counts.reduce(0) { sum, entry in
                let decision = entry.key
                let isWanted = (decision.policy, decision.action, decision.isEnforced) == (policy, action, isEnforced)
                return isWanted ? sum + entry.value : sum
            }
        }
    }

    /// A line for each decision.
    var table: String {
        counts.withLock { $0 }.map { decision, count in
            let mode = decision.isEnforced ? "enforce" : "observe"
            return "\(decision.policy.rawValue) \(decision.name) \(decision.action.rawValue) because"
                + " \(decision.reason.rawValue) [\(mode)]: \(count)"
        }.sorted().joined(separator: "\n")
    }
}
