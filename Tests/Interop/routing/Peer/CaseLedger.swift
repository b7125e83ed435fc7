// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// What becomes of one case: the requests that reached an endpoint, and how the mesh recorded it.
final class CaseLedger: Sendable {
    /// A request that reached an endpoint.
    struct Arrival {
        var endpoint: Topology.Endpoint
        var request: WireRequest
    }

    private struct State {
        var attempts: [Arrival] = []
        var copies: [Arrival] = []
        var record: RequestRecord?
    }

    private let state = Mutex(State())

    /// Notes a request.
    /// - Returns: Its number among the case's requests, from 0; `nil` for a copy.
    func arrived(_ arrival: Arrival) -> Int? {
        state.withLock { state in
            if arrival.endpoint.isMirror {
                state.copies.append(arrival)
                return nil
            }
            state.attempts.append(arrival)
            return state.attempts.count - 1
        }
    }

    func note(_ record: RequestRecord) {
        state.withLock { $0.record = record }
    }

    var attempts: [Arrival] { state.withLock { $0.attempts } }
    var copies: [Arrival] { state.withLock { $0.copies } }
    var record: RequestRecord? { state.withLock { $0.record } }
}

/// Hands each request's record to its case.
struct LedgerObserver: Observer {
    func requestFinished(_ record: RequestRecord, context: CallContext) {
        (context.observation as? CaseLedger)?.note(record)
    }
}
