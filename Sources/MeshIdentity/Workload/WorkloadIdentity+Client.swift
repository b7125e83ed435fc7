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
    ///   - serverName: The server name indication (RFC 6066 §3), a DNS name; default none. It is a wish only: whom the
    ///     server must prove to be is what `acceptedIdentities` says.
    /// - Throws: `IdentityError` if there is no certificate yet.
    public func makeClientHandler(
        acceptedIdentities: [String],
        httpVersion: ConnectionOptions.HTTPVersion = .http1,
        serverName: String? = nil
    ) throws -> NIOSSLClientHandler {
        let accepted = Set(acceptedIdentities)
        let contexts = try current().clientContexts
        guard let context = contexts[httpVersion] else { throw IdentityError(.notIssued, "there is no TLS context") }
        return try NIOSSLClientHandler(
            context: context,
            // Not checked against the certificate: whom an endpoint belongs to is what its SPIFFE ID proves.
            serverHostname: serverName,
            customVerificationCallbackWithMetadata: { presented, promise in
                // The promise, which the handshake waits for, owns the task.
                promise.completeWithTask { await self.verdict(onServer: presented, acceptedIdentities: accepted) }
            }
        )
    }

    /// Makes the handler that protects one connection to an endpoint of the mesh, as its cluster wants it.
    ///
    /// What `ClientTLS` of `MeshHTTP` asks for: `ClientTLS { try identity.makeClientHandler(to: $0) }`.
    /// - Throws: `MeshError` if the endpoint does not speak mutual TLS; `IdentityError` if there is no certificate yet.
    public func makeClientHandler(to endpoint: Endpoint) throws -> NIOSSLClientHandler {
        guard case .mutualTLS(let identities) = endpoint.security else {
            throw MeshError(.connectionFailed, origin: .local, message: "\(endpoint.address) does not speak mutual TLS")
        }
        guard endpoint.secrets == nil else {
            let message = "\(endpoint.address) is for other secrets than the process's own identity"
            throw MeshError(.connectionFailed, origin: .local, message: message)
        }
        return try makeClientHandler(
            acceptedIdentities: identities,
            httpVersion: endpoint.connection.httpVersion,
            serverName: endpoint.serverName
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
