// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
public import MeshSecurity
public import NIOCore
import NIOSSL
import Synchronization
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
        await proof(of: channel)?.identity
    }

    /// The identity that the peer of a connection proved, if it would be believed now, too; `nil` if not, or if the
    /// connection is not protected. For servers, on every request.
    ///
    /// As `peerIdentity(of:)`, which asks the certificate alone; this one asks this identity's trust as well. When that
    /// has shrunk since the connection was judged (a root is gone, a revocation list is another one), the chain that the
    /// peer showed is verified again. Of a resumed session whose handshake nobody remembers only the leaf is there, so that
    /// it must be signed by a root itself. Else it costs a lock more.
    public func provenIdentity(of channel: any Channel) async -> SPIFFEID? {
        guard let proof = await Self.proof(of: channel), let identity = proof.identity,
            let (trust, revision) = try? judging()
        else { return nil }
        let judge = ObjectIdentifier(self)
        if let verdict = proof.verdict.withLock({ $0 }), verdict.judge == judge, verdict.revision == revision {
            return verdict.isTrusted ? identity : nil
        }
        let isTrusted = await isTrusted(proof.certificate, trust, revision)
        proof.verdict.withLock { $0 = .init(judge: judge, revision: revision, isTrusted: isTrusted) }
        return isTrusted ? identity : nil
    }

    private func isTrusted(_ certificate: NIOSSLCertificate, _ trust: TrustBundle, _ revision: UInt64) async -> Bool {
        do {
            let bytes = try certificate.toDERBytes()
            let known = verified.entry(leaf: bytes)
            if known?.revision == revision { return true }
            let chain = try known?.chain ?? [PeerVerifier.parsed(certificate)]
            _ = try await PeerVerifier(trust: trust).proof(from: chain, role: .client)
            verified.note(chain, leaf: bytes, revision: revision)
            return true
        } catch {
            report(refused: .client, [certificate], error)
            return false
        }
    }

    private static func proof(of channel: any Channel) async -> PeerProof? {
        if channel.eventLoop.inEventLoop { return proofOnLoop(of: channel) }
        return try? await channel.eventLoop.submit { proofOnLoop(of: channel) }.get()
    }

    private static func proofOnLoop(of channel: any Channel) -> PeerProof? {
        let pipeline = channel.pipeline.syncOperations
        if let record = try? pipeline.handler(type: PeerIdentityRecord.self) { return record.proof }
        if let tls = try? pipeline.handler(type: NIOSSLHandler.self) {
            // Nothing is kept before the handshake has brought a certificate.
            guard let certificate = tls.peerCertificate else { return nil }
            return keep(PeerProof(identity: identity(in: certificate), certificate: certificate), on: pipeline)
        }
        // A stream shares its connection's event loop. The parent of an accepted connection is the listening socket,
        // which lives on a loop of its own and has nothing to say.
        guard let parent = channel.parent, parent.eventLoop === channel.eventLoop else { return nil }
        return proofOnLoop(of: parent).map { keep($0, on: pipeline) }
    }

    private static func keep(_ proof: PeerProof, on pipeline: ChannelPipeline.SynchronousOperations) -> PeerProof {
        // A closed channel takes no handler, and nobody will ask it again.
        try? pipeline.addHandler(PeerIdentityRecord(proof))
        return proof
    }

    private static func identity(in certificate: NIOSSLCertificate) -> SPIFFEID? {
        guard let parsed = try? PeerVerifier.parsed(certificate),
            let identity = try? WorkloadCertificate.identity(of: parsed)
        else { return nil }
        let now = Date()
        return parsed.notValidBefore <= now && now <= parsed.notValidAfter ? identity : nil
    }
}

/// What the peer of a connection has proved, read once a connection; its streams share it.
private final class PeerProof: Sendable {
    /// What somebody thinks of it.
    struct Verdict {
        var judge: ObjectIdentifier
        var revision: UInt64
        var isTrusted: Bool
    }

    let identity: SPIFFEID?
    let certificate: NIOSSLCertificate
    let verdict = Mutex<Verdict?>(nil)

    init(identity: SPIFFEID?, certificate: NIOSSLCertificate) {
        self.identity = identity
        self.certificate = certificate
    }
}

/// Keeps it at the far end of a pipeline, where no read or write passes it, so that the certificate is parsed once a
/// connection and not once a request.
private final class PeerIdentityRecord: ChannelInboundHandler {
    typealias InboundIn = Never

    let proof: PeerProof

    init(_ proof: PeerProof) {
        self.proof = proof
    }
}
