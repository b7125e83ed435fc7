// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
public import MeshSecurity
public import NIOCore
import NIOSSL
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension WorkloadIdentity {
    /// The identity that the peer of a connection proved; `nil` if the connection is not protected.
    ///
    /// Pass the channel that a request came on: with HTTP/1.1 the connection, with HTTP/2 the stream, whose parent is
    /// the connection. The certificate is there on resumed sessions too, which skip the verification; so one that has
    /// expired when it is first asked for names nobody. Later requests of the connection get the first answer: a
    /// connection that was good when it began may outlive its certificate, as with Envoy.
    ///
    /// On the connection's event loop it does not suspend; elsewhere it costs a hop to it.
    public static func peerIdentity(of channel: any Channel) async -> SPIFFEID? {
        if channel.eventLoop.inEventLoop { return identityOnLoop(of: channel) }
        return try? await channel.eventLoop.submit { identityOnLoop(of: channel) }.get()
    }

    private static func identityOnLoop(of channel: any Channel) -> SPIFFEID? {
        let pipeline = channel.pipeline.syncOperations
        if let record = try? pipeline.handler(type: PeerIdentityRecord.self) { return record.identity }
        if let tls = try? pipeline.handler(type: NIOSSLHandler.self) {
            // Nothing is kept before the handshake has brought a certificate.
            guard let certificate = tls.peerCertificate else { return nil }
            return keep(identity(in: certificate), on: pipeline)
        }
        // A stream shares its connection's event loop. The parent of an accepted connection is the listening socket,
        // which lives on a loop of its own and has nothing to say.
        if let parent = channel.parent, parent.eventLoop === channel.eventLoop {
            return keep(identityOnLoop(of: parent), on: pipeline)
        }
        return nil
    }

    private static func keep(
        _ identity: SPIFFEID?,
        on pipeline: ChannelPipeline.SynchronousOperations
    ) -> SPIFFEID? {
        // A closed channel takes no handler, and nobody will ask it again.
        try? pipeline.addHandler(PeerIdentityRecord(identity))
        return identity
    }

    private static func identity(in certificate: NIOSSLCertificate) -> SPIFFEID? {
        guard let parsed = try? PeerVerifier.parsed(certificate),
            let identity = try? WorkloadCertificate.identity(of: parsed)
        else { return nil }
        let now = Date()
        return parsed.notValidBefore <= now && now <= parsed.notValidAfter ? identity : nil
    }
}

/// Keeps the identity of a connection's peer at the far end of its pipeline, where no read or write passes it, so that
/// the certificate is parsed once a connection and not once a request.
private final class PeerIdentityRecord: ChannelInboundHandler {
    typealias InboundIn = Never

    let identity: SPIFFEID?

    init(_ identity: SPIFFEID?) {
        self.identity = identity
    }
}
