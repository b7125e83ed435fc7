// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
package import NIOCore
package import ServiceMesh

/// What decides how a server's connections are protected: its listener in the mesh's configuration, and what the
/// application has to do it with.
package final class ServerProtection: Sendable {
    private let stack: InboundStack?
    private let always: ServerTransportSecurity?
    private let own: ServerTransportSecurity?
    let contexts = SecretContexts()

    /// - Parameters:
    ///   - stack: The server's part in the mesh; `nil` without one.
    ///   - always: TLS on every connection, whatever the configuration says, unless that names secrets.
    ///   - own: TLS by the process's own identity, where the configuration wants it.
    package init(_ stack: InboundStack?, always: ServerTransportSecurity?, own: ServerTransportSecurity?) {
        self.stack = stack
        self.always = always
        self.own = own
    }

    /// How a connection is protected that comes now: with the secrets that the configuration names for the server, or
    /// else with what the application has.
    package var current: ConnectionProtection {
        let asked = stack?.protection
        let secrets = asked?.secrets.map { ServerTransportSecurity($0, contexts) }
        return ConnectionProtection(asked?.security, secrets: secrets, always: always, own: own)
    }

    /// Adds TLS to a connection, behind a handler or at the end of its pipeline. Called on its loop.
    package func protect(
        _ channel: any Channel,
        by security: ServerTransportSecurity,
        behind handler: (any ChannelHandler)? = nil
    ) throws {
        let tls = try security.makeHandler()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(tls, position: handler.map { .after($0) } ?? .last)
        let watch = HandshakeWatch(knowsVerdicts: security.knowsVerdicts) { [stack] in stack?.noticed($0) }
        try pipeline.addHandler(watch, position: .after(tls))
    }
}
