// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Counts the outbound stacks that were made for a mesh, so that `explain` can say which policies act for them.
final class ClientCensus: Sendable {
    private let all = Atomic(0)
    private let unreplayed = Atomic(0)
    private let withMiddleware = Atomic(0)

    /// A stack was made.
    /// - Parameter hindrance: Why its answers are not shared.
    func noteClient(hindrance: SharingHindrance?) {
        all.wrappingAdd(1, ordering: .relaxed)
        switch hindrance {
        case .noReplay: unreplayed.wrappingAdd(1, ordering: .relaxed)
        case .attemptMiddleware: withMiddleware.wrappingAdd(1, ordering: .relaxed)
        case nil: break
        }
    }

    /// Why policies that share responses do not act for everybody, in words; empty if they do.
    var reasonsNotShared: [String] {
        let all = all.load(ordering: .relaxed)
        let counts: [(Int, SharingHindrance)] = [
            (unreplayed.load(ordering: .relaxed), .noReplay),
            (withMiddleware.load(ordering: .relaxed), .attemptMiddleware),
        ]
        return counts.filter { $0.0 > 0 }.map { count, hindrance in
            "does not act for \(count) of \(all) clients, whose stacks were \(hindrance.reason)"
        }
    }
}
