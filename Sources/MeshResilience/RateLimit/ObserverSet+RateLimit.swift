// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension ObserverSet {
    /// Tells of what a rate limit did, or would have done in a dry run.
    func rateLimitActed(
        _ action: PolicyDecision.Action,
        because reason: PolicyDecision.Reason,
        name: String,
        mode: PolicyMode
    ) {
        guard !isEmpty else { return }
        let isEnforced = mode == .enforce
        noticed(.policyActed(PolicyDecision(.rateLimit, name: name, action, because: reason, isEnforced: isEnforced)))
    }
}
