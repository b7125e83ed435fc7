// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Counts what happens to connections and attempts, so that a script can tell a reused connection from a new one.
final class ConnectionCounter: Observer {
    private let counts = Mutex<[String: Int]>([:])

    /// How often everything happened.
    var snapshot: [String: Int] { counts.withLock { $0 } }

    private func count(_ names: String...) {
        counts.withLock { counts in for name in names { counts[name, default: 0] += 1 } }
    }

    func attemptFinished(_ record: AttemptRecord, context: CallContext) {
        count("attempts")
    }

    func connectionChanged(_ event: ConnectionEvent, endpoint: Endpoint) {
        switch event {
        case .dialing: count("dialing")
        case .connected: count("connected")
        case .ready(let version, _): count("ready", "ready.\(version.rawValue)")
        case .connectFailed(let isTimeout, _): count(isTimeout ? "connectTimeout" : "connectFailed")
        case .draining(_, let reason): count("draining.\(reason.rawValue)")
        case .closed(_, let reason, _, let active, _):
            count("closed", "closed.\(reason.rawValue)")
            if active > 0 { count("closedWithRequests") }
        case .requestPending: count("pending")
        case .requestNotPending: count("notPending")
        case .pendingOverflow: count("pendingOverflow")
        case .connectionOverflow: count("connectionOverflow")
        case .streamResetReceived: count("resetReceived")
        case .streamResetSent: count("resetSent")
        }
    }
}
