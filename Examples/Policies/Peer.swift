// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// A peer that counts its calls and answers them as its script says: the plain code that policies stand around.
final class Peer: Sendable {
    /// What a call that fails throws; any error will do.
    struct Unavailable: Error, CustomStringConvertible {
        var description: String { "the peer is unavailable" }
    }

    private let count = Mutex(0)
    private let script: @Sendable (_ call: Int) async throws -> String

    /// Creates a peer.
    /// - Parameter script: Answers a call by its number, from 1.
    init(_ script: @escaping @Sendable (_ call: Int) async throws -> String) {
        self.script = script
    }

    /// A peer that fails every call.
    static func failing() -> Peer { Peer { _ in throw Unavailable() } }

    /// How many calls have reached it.
    var calls: Int { count.withLock { $0 } }

    func answer() async throws -> String {
        let call = count.withLock { count in
            count += 1
            return count
        }
        return try await script(call)
    }
}

extension MeshClock {
    /// Waits; what a slow peer does.
    func wait(_ span: Nanoseconds) async throws {
        try await sleep(until: now.advanced(by: span))
    }
}
