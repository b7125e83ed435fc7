// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import NIOCore
public import NIOSSL

extension WorkloadIdentity {
    /// Makes the handler that protects one connection which this process opens.
    ///
    /// Cheap: the TLS context belongs to the certificate, not to the connection. Call it on the connection's event loop,
    /// to which the handler belongs. A server that shows no acceptable certificate fails the handshake.
    /// - Parameters:
    ///   - acceptedIdentities: The SPIFFE IDs that the server may prove, in full; empty for every identity of the trusted
    ///     domains.
    ///   - httpVersion: What is offered by ALPN. Default `http1`.
    /// - Throws: `IdentityError` if there is no certificate yet.
    public func makeClientHandler(
        acceptedIdentities: [String],
        httpVersion: ConnectionOptions.HTTPVersion = .http1
    ) throws -> NIOSSLClientHandler {
        let accepted = Set(acceptedIdentities)
        let contexts = try current().clientContexts
        guard let context = contexts[httpVersion] else { throw IdentityError(.notIssued, "there is no TLS context") }
        return try NIOSSLClientHandler(
            context: context,
            // Endpoints are addresses; whom they belong to is what the certificate proves.
            serverHostname: nil,
            customVerificationCallbackWithMetadata: { presented, promise in
                // The promise, which the handshake waits for, owns the task.
                promise.completeWithTask { await self.verdict(onServer: presented, acceptedIdentities: accepted) }
            }
        )
    }

    private func verdict(
        onServer presented: [NIOSSLCertificate],
        acceptedIdentities: Set<String>
    ) async -> NIOSSLVerificationResultWithMetadata {
        do {
            let proof = try await PeerVerifier(trust: current().trust).proof(
                fromHandshake: presented,
                role: .server,
                acceptedIdentities: acceptedIdentities
            )
            let chain = try proof.chain.map { try PeerVerifier.forTLS($0) }
            return .certificateVerified(VerificationMetadata(ValidatedCertificateChain(chain)))
        } catch {
            report(refused: .server, error)
            return .failed
        }
    }

    /// The TLS stack answers a refused peer with an alert and forgets why; the observers are told.
    func report(refused role: PeerRole, _ error: any Error) {
        observers.noticed(.unexpected(component: "MeshIdentity", message: "refused a \(role.rawValue): \(error)"))
    }
}
