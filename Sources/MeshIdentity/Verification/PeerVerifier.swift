// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshSecurity
import NIOSSL
import SwiftASN1
package import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Decides whether a certificate chain proves an identity.
package struct PeerVerifier: Sendable {
    /// A chain that proves an identity.
    package struct Proof: Sendable {
        /// Who it is.
        package var identity: SPIFFEID
        /// The chain from the leaf to the root that vouches for it.
        package var chain: [Certificate]
    }

    /// The longest chain that is looked at: chain building tries every issuer of every certificate.
    static let maximumChainLength = 8

    private let trust: TrustBundle

    package init(trust: TrustBundle) {
        self.trust = trust
    }

    /// Verifies what a peer presented, leaf first.
    /// - Parameter acceptedIdentities: The identities that may be proved; empty for any of the trusted domains.
    /// - Throws: `IdentityError` with the first reason for not trusting it.
    func proof(
        from presented: [Certificate],
        role: PeerRole,
        acceptedIdentities: Set<String> = []
    ) async throws(IdentityError) -> Proof {
        guard let leaf = presented.first, presented.count <= Self.maximumChainLength else {
            throw IdentityError(.untrusted, "the peer presented \(presented.count) certificates")
        }
        let identity = try WorkloadCertificate.identity(of: leaf)
        // The domain is only claimed until the chain is verified; that is why its own roots and no others are asked.
        let roots = trust.roots(of: identity.trustDomain)
        guard !roots.isEmpty else {
            throw IdentityError(.untrusted, "the trust domain of \(identity) is not trusted here")
        }
        guard acceptedIdentities.isEmpty || acceptedIdentities.contains(identity.description) else {
            throw IdentityError(.notAccepted, "\(identity) is none of the accepted identities")
        }
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
            RFC5280Policy()
            SPIFFEPolicy(role: role)
        }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(presented.dropFirst()))
        switch result {
        case .validCertificate(let chain):
            let chain = Array(chain)
            do {
                try trust.revocations(of: identity.trustDomain)?.check(chain, at: Date())
            } catch {
                throw IdentityError(error.code, "\(identity): \(error.message)")
            }
            return Proof(identity: identity, chain: chain)
        case .couldNotValidate(let failures):
            // The policies' reasons print whole certificates; the first hundreds of bytes say what is wrong.
            let reason = failures.first.map { String("\($0.policyFailureReason)".prefix(300)) }
            throw IdentityError(.untrusted, "\(identity): \(reason ?? "no chain leads to a root of its domain")")
        }
    }

    /// Verifies what a peer presented in a handshake.
    /// - Throws: `IdentityError` with the first reason for not trusting it.
    func proof(
        fromHandshake presented: [NIOSSLCertificate],
        role: PeerRole,
        acceptedIdentities: Set<String>
    ) async throws(IdentityError) -> Proof {
        guard presented.count <= Self.maximumChainLength else {
            throw IdentityError(.untrusted, "the peer presented \(presented.count) certificates")
        }
        var certificates: [Certificate] = []
        for certificate in presented { certificates.append(try Self.parsed(certificate)) }
        return try await proof(from: certificates, role: role, acceptedIdentities: acceptedIdentities)
    }

    /// The certificate that the TLS stack holds, parsed.
    static func parsed(_ certificate: NIOSSLCertificate) throws(IdentityError) -> Certificate {
        do {
            return try Certificate(derEncoded: certificate.toDERBytes())
        } catch {
            throw IdentityError(.malformedCertificate, "the peer's certificate cannot be parsed: \(error)")
        }
    }

    /// A certificate in the form that the TLS stack takes.
    static func forTLS(_ certificate: Certificate) throws -> NIOSSLCertificate {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der)
    }
}
