// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Whoever a connection belongs to: it says how the connection fares, and is asked what becomes of it.
///
/// Called on the connection's event loop, never inside a lock.
protocol ConnectionOwner: AnyObject, Sendable {
    /// How long connecting may take, the TLS handshake included.
    var connectTimeout: Nanoseconds { get }
    /// The connection can carry its first exchange.
    func connectionReady(_ connection: HTTP1Connection)
    /// The connection could not be made.
    func connectFailed(_ id: Int, cause: any Error)
    /// The connection can carry another exchange.
    func connectionReleased(_ connection: HTTP1Connection)
    /// The connection, which had been ready, is gone.
    func connectionClosed(_ connection: HTTP1Connection)
    /// The connection was idle for too long.
    /// - Returns: Whether it is to be closed; it may have been promised to an exchange meanwhile.
    func idleTimedOut(_ connection: HTTP1Connection) -> Bool
    /// An exchange came to a connection that was gone, and not one byte was written.
    func resubmit(_ exchange: Exchange)
}
