// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshIdentity
import SwiftASN1
import X509

extension AuthorityState {
    /// Reads what `pem` wrote, or the key and the root of an authority that signs leaves with it directly.
    ///
    /// Keys are followed by their certificates: first the root's, then those of the issuing authorities and of the root
    /// that comes, if there are any. Certificates without keys are roots of before.
    /// - Throws: An error if anything is missing, damaged, or not of this domain.
    init(pem: String, trustDomain: String, now: Date) throws {
        var pairs: [AuthorityKeyPair] = []
        var others: [Certificate] = []
        var key: Certificate.PrivateKey?
        for document in try PEMDocument.parseMultiple(pemString: pem) {
            if document.discriminator.hasSuffix("PRIVATE KEY") {
                guard key == nil else { throw IdentityError(.malformedCertificate, "a key has no certificate") }
                key = try Certificate.PrivateKey(pemDocument: document)
            } else if let pairKey = key {
                pairs.append(try AuthorityKeyPair(key: pairKey, certificate: Certificate(pemDocument: document)))
                key = nil
            } else {
                others.append(try Certificate(pemDocument: document))
            }
        }
        guard key == nil, let root = pairs.first, root.signedItself else {
            throw IdentityError(.malformedCertificate, "there is no root with its key")
        }
        let rest = pairs.dropFirst()
        let comers = rest.filter(\.signedItself)
        let issuing = rest.filter { !$0.signedItself }
        guard comers.count <= 1, comers.first?.certificate != root.certificate,
            Set(pairs.map(\.certificate)).count == pairs.count
        else {
            throw IdentityError(.malformedCertificate, "there are \(comers.count + 1) roots with keys, or one twice")
        }
        if let current = issuing.first, !root.signed(current.certificate) {
            throw IdentityError(.mismatch, "the root did not sign the issuing authority")
        }
        let roots = [root.certificate] + comers.map(\.certificate) + others
        // Takes the rules for a root: an authority's certificate that names this domain and no other.
        var bundle = TrustBundle()
        for certificate in roots { try bundle.insert(certificate, trustDomain: trustDomain) }
        // An issuing authority that is over is replaced; only the root is for good.
        guard root.certificate.notValidBefore <= now, now < root.certificate.notValidAfter else {
            throw IdentityError(.untrusted, "the root is valid until \(root.certificate.notValidAfter)")
        }
        var issuers = issuing.map { Issuer($0) }
        if issuers.isEmpty { issuers = [Issuer(root)] }
        self.init(issuers: issuers, root: root, next: comers.first, roots: roots)
    }

    /// The keys and certificates, for a file that nobody else may read.
    /// - Precondition: The root's key is here.
    var pem: String {
        get throws {
            guard let root else { throw IdentityError(.notIssued, "the operator keeps the root") }
            let pairs = [root] + issuers.map(\.pair).filter { !$0.signedItself } + (next.map { [$0] } ?? [])
            let others = roots.filter { certificate in !pairs.contains { $0.certificate == certificate } }
            return try pairs.map { try $0.pem }.joined()
                + others.map { try $0.serializeAsPEM().pemString + "\n" }.joined()
        }
    }
}
