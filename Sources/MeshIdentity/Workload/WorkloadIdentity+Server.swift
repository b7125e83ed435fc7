// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOSSL

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

    private func verdict(onClient presented: [NIOSSLCertificate]) async -> NIOSSLVerificationResult {
        do {
            _ = try await PeerVerifier(trust: current().trust).proof(
                fromHandshake: presented,
                role: .client,
                acceptedIdentities: []
            )
            return .certificateVerified
        } catch {
            report(refused: .client, error)
            return .failed
        }
    }
}
