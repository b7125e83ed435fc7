// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Whoever a connection belongs to: it says how the connection fares, and is asked what becomes of it.
///
/// Called on the connection's event loop, never inside a lock.
protocol ConnectionOwner: AnyObject, Sendable {
    /// Where the connection goes, and how it is to be kept.
    var endpoint: Endpoint { get }
    /// The connection can carry its first exchanges, so many at once.
    func connectionReady(_ connection: HTTPConnection, capacity: Int, after: Nanoseconds)
    /// The connection could not be made.
    func connectFailed(_ id: Int, cause: any Error)
    /// One of the connection's exchanges has ended.
    func connectionReleased(_ connection: HTTPConnection)
    /// The peer allows another number of exchanges at once.
    func connectionCapacityChanged(_ connection: HTTPConnection, to capacity: Int)
    /// The connection takes no more exchanges, and closes when the last one has ended.
    func connectionDraining(_ connection: HTTPConnection, _ reason: ConnectionClosing)
    /// The peer broke the connection under an exchange, which is about to fail. `connectionClosed` follows.
    func connectionBroken(_ connection: HTTPConnection)
    /// The connection, which had been ready, is gone.
    func connectionClosed(_ connection: HTTPConnection, _ ending: ConnectionEnding)
    /// The connection was idle for too long.
    /// - Returns: Whether it is to be closed; it may have been promised to an exchange meanwhile.
    func idleTimedOut(_ connection: HTTPConnection) -> Bool
    /// An exchange came to a connection that could not take it, and the peer has seen nothing of it.
    func resubmit(_ exchange: Exchange)
    /// Something happened that is worth counting.
    func noticed(_ event: ConnectionEvent)
}

/// How a connection ended.
struct ConnectionEnding: Equatable, Sendable {
    var reason: ConnectionClosing
    /// How long it had been ready.
    var lifetime: Nanoseconds
    /// How many exchanges ended with it.
    var activeRequests: Int
    /// The error code in the peer's GOAWAY, by its name; `nil` for one without.
    var goodbye: String?
}
