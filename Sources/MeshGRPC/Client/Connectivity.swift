// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// What a client transport's calls find, in the words of gRPC's channels.
///
/// Connections are made by calls, and kept by the mesh's data plane for each endpoint: a transport has no connection of its
/// own whose state could be told. It tells what the last call found, therefore, and changes with the next one.
public enum Connectivity: UInt8, Hashable, Sendable, CaseIterable {
    /// No call was made yet.
    case idle
    /// The first call is on its way.
    case connecting
    /// The last call that needed one found an endpoint.
    case ready
    /// The last call that needed one found none that could be reached.
    case transientFailure
    /// No more calls are taken.
    case shutdown
}

/// Keeps it: many calls tell, and the last one wins.
final class ConnectivityTracker: Sendable {
    private let found = Atomic<UInt8>(Connectivity.idle.rawValue)

    var current: Connectivity { Connectivity(rawValue: found.load(ordering: .relaxed)) ?? .idle }

    func callBegan() {
        _ = found.compareExchange(
            expected: Connectivity.idle.rawValue,
            desired: Connectivity.connecting.rawValue,
            ordering: .relaxed
        )
    }

    func answered() {
        // Nearly always known, and then nobody else's cache has to hear of it.
        if current != .ready { found.store(Connectivity.ready.rawValue, ordering: .relaxed) }
    }

    func failed(_ error: any Error) {
        guard let error = error as? MeshError else { return }
        switch error.code {
        case .notReady, .noHealthyUpstream, .connectionFailed:
            found.store(Connectivity.transientFailure.rawValue, ordering: .relaxed)
        default: break
        }
    }
}
