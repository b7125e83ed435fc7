// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshSecurity
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
    ///   - acceptedNames: Further names of which the server may prove one. Default none.
    ///   - httpVersion: What is offered by ALPN. Default `http1`.
    ///   - serverName: The server name indication (RFC 6066 §3), a DNS name; default none. It is a wish only: whom the
    ///     server must prove to be is what `acceptedIdentities` says.
    /// - Throws: `IdentityError` if there is no certificate yet.
    public func makeClientHandler(
        acceptedIdentities: [String],
        acceptedNames: [PeerNameMatcher] = [],
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
                promise.completeWithTask { await self.verdict(onServer: presented, accepted, acceptedNames) }
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
            acceptedNames: endpoint.peerNames,
            httpVersion: endpoint.connection.httpVersion,
            serverName: endpoint.serverName
        )
    }

    private func verdict(
        onServer presented: [NIOSSLCertificate],
        _ accepted: Set<String>,
        _ names: [PeerNameMatcher]
    ) async -> NIOSSLVerificationResultWithMetadata {
        do {
            let proof = try await PeerVerifier(trust: current().trust).proof(
                fromHandshake: presented,
                role: .server,
                // Where other names will do as well, whoever is none of these may be one of those.
                acceptedIdentities: names.isEmpty ? accepted : []
            )
            if !names.isEmpty, !accepted.contains(proof.identity.description), !Self.hasName(of: names, presented) {
                throw IdentityError(.notAccepted, "\(proof.identity) has none of the accepted names")
            }
            let chain = try proof.chain.map { try PeerVerifier.forTLS($0) }
            return .certificateVerified(VerificationMetadata(ValidatedCertificateChain(chain)))
        } catch {
            report(refused: .server, presented, error)
            return .failed
        }
    }

    private static func hasName(of matchers: [PeerNameMatcher], _ presented: [NIOSSLCertificate]) -> Bool {
        guard let leaf = presented.first, let parsed = try? ParsedCertificate(der: leaf.toDERBytes()) else {
            return false
        }
        return parsed.peer.hasName(of: matchers)
    }

    /// The TLS stack answers a refused peer with an alert and forgets why; the observers are told.
    func report(refused role: PeerRole, _ presented: [NIOSSLCertificate], _ error: any Error) {
        let leaf = presented.first.flatMap { try? PeerVerifier.parsed($0) }
        let refusal = PeerRefusal(
            role: role == .client ? .client : .server,
            reason: PeerRefusal.Reason(error, leaf: leaf, trust: try? current().trust),
            message: String("\(error)".prefix(500))
        )
        observers.noticed(.peerRefused(refusal))
    }
}
