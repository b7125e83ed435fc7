// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
public import NIOSSL

extension WorkloadIdentity {
    /// Makes what a server needs to require a certificate of the trusted domains from every client.
    ///
    /// It is made once: each handshake presents the certificate that is the latest then, and judges by the roots of then.
    /// Until the first certificate is installed every handshake fails.
    ///
    /// A resumed TLS session skips the verification, so a client that was acceptable once can come back without being
    /// judged again for as long as its ticket lives. That is why authorization asks `peerIdentity(of:)` on every request
    /// and never takes an accepted connection for a permitted one.
    /// - Parameter applicationProtocols: What is offered by ALPN (RFC 7301); default `http/1.1`.
    public func makeServerTLSConfiguration(applicationProtocols: [String] = ["http/1.1"]) -> ServerTLS {
        var configuration = TLSConfiguration.meshDefaults(applicationProtocols: applicationProtocols)
        // The callback may run again when more bytes arrive, so it answers at once and always the same way.
        configuration.sslContextCallback = { _, promise in
            promise.completeWith(Result { try self.current().presented })
        }
        return ServerTLS(configuration: configuration) { presented, promise in
            // The promise, which the handshake waits for, owns the task.
            promise.completeWithTask { await self.verdict(onClient: presented) }
        }
    }

    /// Makes the handler that protects one connection which this process accepts.
    ///
    /// What `ServerTransportSecurity` of `MeshHTTP` asks for: `ServerTransportSecurity { try identity.makeServerHandler() }`.
    /// As `makeServerTLSConfiguration`, and besides: when trust shrinks (a root is gone, a revocation list is another one),
    /// new connections get another TLS context, with which no earlier session can be resumed. Cheap but for the first
    /// call after that. Call it on the connection's event loop, to which the handler belongs.
    /// - Parameter applicationProtocols: What is offered by ALPN (RFC 7301); default HTTP/2 and HTTP/1.1.
    /// - Throws: `IdentityError` if there is no certificate yet; what the TLS library throws.
    public func makeServerHandler(
        applicationProtocols: [String] = ["h2", "http/1.1"]
    ) throws -> NIOSSLServerHandler {
        let revision = try judging().revision
        let tls = makeServerTLSConfiguration(applicationProtocols: applicationProtocols)
        let context = try verified.context(offering: applicationProtocols, revision: revision) {
            try NIOSSLContext(configuration: tls.configuration)
        }
        return NIOSSLServerHandler(context: context, customVerificationCallback: tls.verify)
    }

    private func verdict(onClient presented: [NIOSSLCertificate]) async -> NIOSSLVerificationResult {
        do {
            let (trust, revision) = try judging()
            _ = try await PeerVerifier(trust: trust).proof(
                fromHandshake: presented,
                role: .client,
                acceptedIdentities: []
            )
            if let leaf = presented.first {
                let chain = try presented.map { try PeerVerifier.parsed($0) }
                verified.note(chain, leaf: try leaf.toDERBytes(), revision: revision)
            }
            return .certificateVerified
        } catch {
            report(refused: .client, presented, error)
            return .failed
        }
    }
}
