// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A place under an adaptive limit. Whoever holds it says how the call ended; dropping it says nothing and gives the
/// place back.
public struct AdaptiveLimitPermit: ~Copyable, Sendable {
    /// `nil` where nothing is held: the limit is disabled, or would have refused and only observes.
    private let limit: AdaptiveLimit?
    private let admission: AdaptiveLimit.Admission
    private var ending = LimitEnding.ignored

    init(_ limit: AdaptiveLimit, _ admission: AdaptiveLimit.Admission?) {
        self.limit = admission == nil ? nil : limit
        self.admission = admission ?? AdaptiveLimit.Admission(startedAt: MeshInstant(nanoseconds: 0), stamp: 0)
    }

    deinit {
        limit?.leave(admission, ending)
    }

    /// The call has ended. Its latency is the time for which the permit was held.
    public consuming func ended(_ ending: LimitEnding) {
        // It is given back where the permit ends, which is here.
        self.ending = ending
    }
}
