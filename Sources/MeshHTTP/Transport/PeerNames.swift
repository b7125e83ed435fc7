// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import NIOCore
import NIOSSL

/// What a peer's certificate must say, besides that its chain leads to the roots.
struct PeerNames: Sendable {
    /// The peer's certificate names nobody who is meant.
    struct NotAccepted: Error, CustomStringConvertible {
        var reason: PeerRefusal.Reason
        var description: String

        init(_ reason: PeerRefusal.Reason, _ description: String) {
            self.reason = reason
            self.description = description
        }
    }

    private let validation: PeerValidation
    private let accepted: Set<String>
    private let matchers: [PeerNameMatcher]
    private let revoked: IssuerRevocations?
    private let roots: Set<[UInt8]>

    /// `nil` if any peer will do whose chain leads to the roots.
    /// - Parameter lists: What `PeerValidation.revocationLists` says.
    init?(
        _ validation: PeerValidation?,
        lists: IssuerRevocations? = nil,
        roots: Set<[UInt8]> = [],
        and others: [String] = [],
        _ matchers: [PeerNameMatcher] = []
    ) {
        let validation = validation ?? PeerValidation(trustedRoots: "")
        self.validation = validation
        self.accepted = Set(validation.acceptedNames).union(others)
        self.matchers = validation.matchers + matchers
        self.revoked = lists
        self.roots = roots
        let isEmpty =
            accepted.isEmpty && self.matchers.isEmpty && lists == nil && validation.trustDomain == nil
            && validation.certificateHashes.isEmpty && validation.keyHashes.isEmpty
        if isEmpty { return nil }
    }

    /// Whether a certificate is one of those that are meant.
    func accept(_ certificate: NIOSSLCertificate) -> Bool {
        (try? check(certificate)) != nil
    }

    /// - Throws: `NotAccepted`.
    func check(_ certificate: NIOSSLCertificate) throws(NotAccepted) {
        let parsed: ParsedCertificate
        do {
            parsed = try ParsedCertificate(certificate)
        } catch {
            throw NotAccepted(.malformed, "the peer's certificate cannot be read: \(error)")
        }
        try check(parsed, at: ParsedCertificate.now)
    }

    /// - Throws: `NotAccepted`.
    func check(_ certificate: ParsedCertificate, at now: Int64) throws(NotAccepted) {
        try checkNames(of: certificate)
        if let domain = validation.trustDomain { try checkIdentity(of: certificate, in: domain) }
        if !validation.certificateHashes.isEmpty || !validation.keyHashes.isEmpty {
            let isPinned =
                validation.certificateHashes.contains(certificate.fingerprint)
                || validation.keyHashes.contains(Base64.encoded(SHA256Digest.hash(certificate.keyBytes)))
            guard isPinned else {
                throw NotAccepted(
                    .notAccepted,
                    "the certificate of \(certificate.title) has none of the accepted hashes"
                )
            }
        }
        guard let revoked else { return }
        switch revoked.verdict(on: certificate, at: now) {
        case .good: break
        case .revoked: throw NotAccepted(.revoked, "the certificate of \(certificate.title) is revoked")
        case .unknown:
            let message = "no revocation list in force is of the issuer of \(certificate.title)"
            throw NotAccepted(.revoked, message)
        }
        guard validation.checksLeafRevocationOnly || roots.contains(certificate.issuerBytes) else {
            let message = "nobody can say whether the authorities above \(certificate.title) are revoked"
            throw NotAccepted(.revoked, message)
        }
    }

    /// What looks like a URI is looked for among those only: an authority that lets its customers choose DNS names has
    /// not proved an identity by one.
    private func checkNames(of certificate: ParsedCertificate) throws(NotAccepted) {
        guard !accepted.isEmpty || !matchers.isEmpty else { return }
        // As Envoy: where identities are SPIFFE's, no other name is one.
        guard validation.trustDomain == nil else {
            let uris = PeerCertificate(uriNames: certificate.uris)
            guard certificate.uris.contains(where: accepted.contains) || uris.hasName(of: matchers) else {
                throw NotAccepted(.notAccepted, "\(certificate.title) is none of the accepted identities")
            }
            return
        }
        let isNamed =
            certificate.uris.contains { accepted.contains($0) }
            || certificate.dnsNames.contains { !$0.utf8.contains(UInt8(ascii: ":")) && accepted.contains($0) }
            || certificate.peer.hasName(of: matchers)
        guard isNamed else {
            throw NotAccepted(.notAccepted, "the certificate of \(certificate.title) has none of the accepted names")
        }
    }

    private func checkIdentity(of certificate: ParsedCertificate, in domain: String) throws(NotAccepted) {
        guard certificate.uris.count == 1, let uri = certificate.uris.first, let identity = try? SPIFFEID(uri) else {
            throw NotAccepted(.notOneIdentity, "the certificate of \(certificate.title) has not one SPIFFE ID")
        }
        guard !certificate.isAuthority else {
            throw NotAccepted(.authority, "the certificate of \(certificate.title) is an authority's")
        }
        guard identity.trustDomain == domain else {
            throw NotAccepted(.unknownTrustDomain, "the trust domain of \(identity) is not trusted here")
        }
    }
}
