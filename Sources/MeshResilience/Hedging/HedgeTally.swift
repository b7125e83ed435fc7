// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// How many attempts of a hedged request have begun, and how far the furthest of those that failed has come.
///
/// The caller gets the outcome of one; whether the request may be sent again depends on all of them.
final class HedgeTally: Sendable {
    private struct Counts {
        var begun = 0
        var ended = 0
        var furthest = RequestState.notSent
    }

    private let counts = Mutex(Counts())

    func attemptBegan() {
        counts.withLock { $0.begun += 1 }
    }

    func attemptEnded(_ state: RequestState) {
        counts.withLock { counts in
            counts.ended += 1
            counts.furthest = counts.furthest.orFurther(state)
        }
    }

    /// How many attempts there were.
    var begun: Int { counts.withLock { $0.begun } }

    /// How far the request has come: one that is still under way may have reached its peer.
    var furthest: RequestState {
        counts.withLock { $0.begun > $0.ended ? $0.furthest.orFurther(.maybeSent) : $0.furthest }
    }
}

extension RequestState {
    /// The further of two.
    func orFurther(_ other: RequestState) -> RequestState {
        rawValue < other.rawValue ? other : self
    }
}
