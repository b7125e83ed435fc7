// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore
import MeshSecurity
package import NIOCore
import NIOSSL

/// Who is at the other end of a connection, by the certificate that its TLS has.
package enum ConnectionPeer {
    /// What the certificate says; `nil` if there is none, or it is not valid now.
    ///
    /// Pass the channel that a request came on: with HTTP/1.1 the connection, with HTTP/2 the stream. The certificate is
    /// read once a connection; on resumed sessions it is there, too.
    package static func certificate(of channel: any Channel) async -> PeerCertificate? {
        await record(of: channel)?.peer
    }

    static func record(of channel: any Channel) async -> Reading? {
        if channel.eventLoop.inEventLoop { return onLoop(channel)?.reading }
        return try? await channel.eventLoop.submit { onLoop(channel)?.reading }.get()
    }

    /// What was read of a certificate.
    struct Reading: Sendable {
        var parsed: ParsedCertificate
        var peer: PeerCertificate
    }

    private static func onLoop(_ channel: any Channel) -> PeerRecord? {
        let pipeline = channel.pipeline.syncOperations
        if let record = try? pipeline.handler(type: PeerRecord.self) { return record }
        if let tls = try? pipeline.handler(type: NIOSSLHandler.self) {
            // Nothing is kept before the handshake has brought a certificate.
            guard let certificate = tls.peerCertificate else { return nil }
            var reading: Reading?
            if let parsed = try? ParsedCertificate(certificate) {
                let now = ParsedCertificate.now
                let isValid = parsed.validFrom <= now && now <= parsed.validUntil
                reading = isValid ? Reading(parsed: parsed, peer: parsed.peer) : nil
            }
            return keep(PeerRecord(reading), on: pipeline)
        }
        // A stream shares its connection's event loop; the parent of an accepted connection is the listening socket.
        guard let parent = channel.parent, parent.eventLoop === channel.eventLoop, let record = onLoop(parent) else {
            return nil
        }
        return keep(PeerRecord(record.reading), on: pipeline)
    }

    private static func keep(_ record: PeerRecord, on pipeline: ChannelPipeline.SynchronousOperations) -> PeerRecord {
        // A closed channel takes no handler, and nobody will ask it again.
        try? pipeline.addHandler(record)
        return record
    }
}

/// Keeps what was read at the far end of a pipeline, where no read or write passes it.
private final class PeerRecord: ChannelInboundHandler {
    typealias InboundIn = Never

    let reading: ConnectionPeer.Reading?

    init(_ reading: ConnectionPeer.Reading?) {
        self.reading = reading
    }
}
