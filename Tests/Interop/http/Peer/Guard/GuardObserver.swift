// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Counts what filters decided.
final class GuardObserver: Observer {
    private let state = Mutex<[String: Int]>([:])

    /// How often each decision was made.
    var counts: [String: Int] { state.withLock { $0 } }

    func noticed(_ event: MeshEvent) {
        let name: String
        switch event {
        case .tokensChecked(_, let refusal): name = "tokens \(refusal ?? "allowed")"
        case .authorizerAsked(_, _, let verdict): name = "authorizer \(verdict)"
        case .keySetFetched: name = "key set fetched"
        case .keySetFetchFailed: name = "key set not fetched"
        default: return
        }
        state.withLock { $0[name, default: 0] += 1 }
    }
}
