// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ObserverSet {
    /// Tells of what a policy did, or would have done if it did more than observe; nothing is made where nobody listens.
    ///
    /// Called with no lock held: observers are the application's.
    func policyActed(
        _ policy: PolicyKind,
        name: String,
        _ action: PolicyDecision.Action,
        because reason: PolicyDecision.Reason,
        isEnforced: Bool = true
    ) {
        guard !isEmpty else { return }
        noticed(.policyActed(PolicyDecision(policy, name: name, action, because: reason, isEnforced: isEnforced)))
    }
}
