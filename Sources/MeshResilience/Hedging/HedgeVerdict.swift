// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What the end of an attempt means to its call.
enum HedgeVerdict: Hashable, Sendable {
    /// It is the answer.
    case answer
    /// Another attempt may do better.
    case failure(HedgePushback)

    /// The same, if there is time for another attempt.
    ///
    /// A failure that comes when the deadline has passed is the answer: nobody waits for a better one. A peer that asks to
    /// wait beyond the deadline has forbidden further attempts: whoever did as it says would keep the caller waiting with
    /// no attempt under way whose transport ends it in time.
    func within(_ deadline: Deadline, at now: MeshInstant) -> HedgeVerdict {
        guard case .failure(let pushback) = self, !deadline.isNever else { return self }
        if deadline.hasPassed(at: now) { return .answer }
        guard case .wait(let time) = pushback, now.advanced(by: time) >= deadline.instant else { return self }
        return .failure(.stop)
    }
}
