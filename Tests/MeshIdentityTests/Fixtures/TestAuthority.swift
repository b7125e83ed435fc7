// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import MeshCore
import MeshIdentity
import MeshSecurity
import SwiftASN1
import X509

/// An authority that signs whatever a test wants, right or wrong.
struct TestAuthority: Sendable {
    /// How a leaf differs from a good one.
    struct Leaf: Sendable {
        var uris = ["spiffe://cluster.local/ns/default/sa/reviews"]
        var otherNames: [GeneralName] = []
        var isAuthority = false
        var usage = KeyUsage(digitalSignature: true)
        var extendedUsage: [ExtendedKeyUsage.Usage] = [.serverAuth, .clientAuth]
        var isExtendedUsageCritical = false
        var notBefore = Date(timeIntervalSinceNow: -60)
        var notAfter = Date(timeIntervalSinceNow: 3600)
    }

    let key = P256.Signing.PrivateKey()
    let certificate: Certificate

    /// A root, or an authority below `parent`.
    init(trustDomain: String = "cluster.local", below parent: TestAuthority? = nil) throws {
        let name = try DistinguishedName { CommonName("\(trustDomain) \(parent == nil ? "root" : "issuing")") }
        let signer = parent?.key ?? key
        self.certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: Date(timeIntervalSinceNow: -3600),
            notValidAfter: Date(timeIntervalSinceNow: 86_400),
            issuer: parent?.certificate.subject ?? name,
            subject: name,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://\(trustDomain)")])
            },
            issuerPrivateKey: Certificate.PrivateKey(signer)
        )
    }

    /// The authority's own certificate as PEM.
    var pem: String {
        get throws { try certificate.serializeAsPEM().pemString }
    }

    /// Signs a leaf for a public key.
    func sign(_ publicKey: Certificate.PublicKey, _ leaf: Leaf = Leaf()) throws -> Certificate {
        let names = leaf.uris.map { GeneralName.uniformResourceIdentifier($0) } + leaf.otherNames
        return try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: leaf.notBefore,
            notValidAfter: leaf.notAfter,
            issuer: certificate.subject,
            subject: DistinguishedName(),
            extensions: Certificate.Extensions {
                if leaf.isAuthority {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                } else {
                    Critical(BasicConstraints.notCertificateAuthority)
                }
                Critical(leaf.usage)
                if leaf.isExtendedUsageCritical {
                    try Critical(ExtendedKeyUsage(leaf.extendedUsage))
                } else {
                    try ExtendedKeyUsage(leaf.extendedUsage)
                }
                Critical(SubjectAlternativeNames(names))
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
    }

    /// Signs a leaf for a fresh key.
    func leaf(_ leaf: Leaf = Leaf()) throws -> Certificate {
        try sign(Certificate.PublicKey(P256.Signing.PrivateKey().publicKey), leaf)
    }

    /// Answers a request as an issuer does: the leaf and the root.
    func answer(_ request: CertificateRequest, _ change: (inout Leaf) -> Void = { _ in }) throws -> [String] {
        try answer(csrPEM: request.pem, change)
    }

    /// Answers a request as an issuer does: the leaf and the root.
    func answer(csrPEM: String, _ change: (inout Leaf) -> Void = { _ in }) throws -> [String] {
        let csr = try CertificateSigningRequest(pemEncoded: csrPEM)
        var leaf = Leaf()
        leaf.uris =
            try csr.attributes.extensionRequest?.extensions.subjectAlternativeNames?.compactMap { name in
                if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
            } ?? []
        change(&leaf)
        return [
            try sign(csr.publicKey, leaf).serializeAsPEM().pemString,
            try pem,
        ]
    }

    /// An identity that this authority has certified.
    func identity(
        _ name: String,
        trusting others: TrustBundle = TrustBundle(),
        observers: ObserverSet = .none
    ) async throws -> WorkloadIdentity {
        let identity = WorkloadIdentity(spiffeID: try SPIFFEID(name), federation: others, observers: observers)
        let request = try CertificateRequest(for: identity.spiffeID)
        try await identity.install(answer(request), answering: request)
        return identity
    }
}
