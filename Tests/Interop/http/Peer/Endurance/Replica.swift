// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import Synchronization

/// One server of a fleet, in this process: it notes what it did, and can be taken out of service as a process would be.
final class Replica: Sendable {
    /// What all servers of a fleet have done together.
    final class Ledger: Sendable {
        private struct State {
            var done: [String: Int] = [:]
            var cancelled = 0
        }

        private let state = Mutex(State())

        /// The requests, by the names that their callers gave them, that were done more than once.
        var doneTwice: [String] { state.withLock { $0.done.filter { $0.value > 1 }.map(\.key).sorted() } }
        /// How many requests with a name were done.
        var doneCount: Int { state.withLock { $0.done.count } }
        /// How many handlers were cancelled.
        var cancelledCount: Int { state.withLock { $0.cancelled } }

        func note(done name: String) {
            state.withLock { $0.done[name, default: 0] += 1 }
        }

        func noteCancelled() {
            state.withLock { $0.cancelled += 1 }
        }
    }

    let server: MeshHTTPServer

    init(_ ledger: Ledger) {
        var configuration = MeshHTTPServer.Configuration()
        configuration.gracePeriod = .seconds(10)
        // What is given up is reset: a fleet that is shaken sees more of it than any caller in good faith causes.
        configuration.http2.maximumResets = 1_000_000
        self.server = MeshHTTPServer(configuration) { try await FleetApplication.answer($0, ledger) }
    }

    /// Serves until the server is stopped.
    func run(onListening: @escaping @Sendable (EndpointAddress) -> Void) async throws {
        try await server.run(onListening: onListening)
    }
}
