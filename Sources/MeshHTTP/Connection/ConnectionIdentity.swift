// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Who a connection is, once it has an owner, and for how long it may be used.
struct ConnectionIdentity {
    let connection: HTTPConnection
    let owner: any ConnectionOwner
    let alarm: ConnectionAlarm
    let options: ConnectionOptions
    let idleTimeout: Nanoseconds
    let dialedAt: MeshInstant
    /// When it becomes too old for another exchange; `nil` for never.
    let retiresAt: MeshInstant?
    /// When it could carry its first exchange.
    var readyAt: MeshInstant?

    init(
        _ connection: HTTPConnection,
        owner: any ConnectionOwner,
        alarm: ConnectionAlarm,
        configuration: HTTPTransport.Configuration,
        dialedAt: MeshInstant
    ) {
        self.connection = connection
        self.owner = owner
        self.alarm = alarm
        self.options = owner.endpoint.connection
        let idleTimeout = options.idleTimeout ?? configuration.idleTimeout
        self.idleTimeout = idleTimeout == .zero ? .forever : idleTimeout
        self.dialedAt = dialedAt
        let age = options.maximumAge ?? configuration.maximumConnectionAge
        self.retiresAt = age == .forever ? nil : dialedAt.advanced(by: age)
    }

    /// How long connecting has taken, now that it is over.
    mutating func becameReady(at now: MeshInstant) -> Nanoseconds {
        readyAt = now
        return now.elapsed(since: dialedAt)
    }

    /// Tells the owner that the connection is gone.
    func close(_ reason: ConnectionClosing, activeRequests: Int, goodbye: String? = nil, at now: MeshInstant) {
        let lifetime = readyAt.map { now.elapsed(since: $0) } ?? .zero
        owner.connectionClosed(
            connection,
            ConnectionEnding(
                reason: reason,
                lifetime: lifetime,
                activeRequests: activeRequests,
                goodbye: goodbye
            )
        )
    }
}
