// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshIdentity
import MeshSecurity
import MeshXDS
import SwiftASN1
import Synchronization
import X509

extension CertificateAuthority {
    /// Signs a request.
    /// - Parameters:
    ///   - csrPEM: A PKCS #10 request, signed by its own key, with one URI name and nothing else to be certified.
    ///   - caller: What proves who asks: a bearer token, or a certificate of this authority, whose holder may have its own
    ///     identity again.
    ///   - validity: How long the certificate should live; zero, or more than the authority gives, for its default.
    /// - Returns: The leaf, the authorities below the root, and last the roots, all of them in one, as PEM. Istio's agent
    ///   takes the last for what it trusts.
    /// - Throws: `SigningRefusal`.
    func issue(
        csrPEM: String,
        caller: SigningCaller,
        validity: Nanoseconds,
        now: Date = Date()
    ) throws -> [String] {
        var asked: SPIFFEID?
        let who = authenticate(caller)
        do {
            guard let who else { throw SigningRefusal.unauthenticated }
            guard state.withLock({ $0.rate.admit(who.name, at: clock.now) }) else {
                throw SigningRefusal.tooMany("\(who.name) asks for more than \(configuration.maximumRate) a second")
            }
            let request = try CheckedRequest(csrPEM)
            asked = request.identity
            guard who.mayClaim(request.identity, trustDomain: configuration.trustDomain) else {
                throw SigningRefusal.forbidden("\(who.name) may not claim \(request.identity)")
            }
            return try issue(request, to: who, validity: validity, now: now)
        } catch let refusal as SigningRefusal {
            refused(refusal, caller: who?.name ?? "unknown", asked, now)
            throw refusal
        }
    }

    private func issue(
        _ request: CheckedRequest,
        to caller: AuthenticatedCaller,
        validity: Nanoseconds,
        now: Date
    ) throws -> [String] {
        let (issuer, roots) = state.withLock { ($0.authority.issuers.first, $0.lists.roots) }
        guard let issuer else { throw SigningRefusal.unavailable("there is no authority") }
        let authority = issuer.pair.certificate
        guard now < authority.notValidAfter else { throw SigningRefusal.unavailable("the authority has expired") }
        let granted = validity == .zero ? configuration.validity : min(validity, configuration.validity)
        let leaf = try LeafTemplate(
            identity: request.identity,
            publicKey: request.publicKey,
            notBefore: max(now.addingTimeInterval(-Self.allowedClockSkew), authority.notValidBefore),
            notAfter: min(now.addingTimeInterval(granted.seconds), authority.notValidAfter)
        ).signed(by: issuer.pair)
        let record = RevocationBook.Issued(
            serialNumber: SerialNumberText(leaf.serialNumber).text,
            identity: request.identity.description,
            notAfter: leaf.notValidAfter,
            issuer: issuer.keyIdentifier
        )
        state.withLock { $0.book.issued(record, now: now) }
        audit.append(
            AuditEntry(
                time: now,
                event: .issued,
                caller: caller.name,
                identity: record.identity,
                serialNumber: record.serialNumber,
                notAfter: record.notAfter,
                issuer: record.issuer
            )
        )
        return try ([leaf] + issuer.sent).map { try $0.serializeAsPEM().pemString } + [roots]
    }

    /// Who asks; `nil` if nothing proves it. A certificate proves nothing once it is taken back, which the listener may
    /// not have known when the connection began.
    private func authenticate(_ caller: SigningCaller) -> AuthenticatedCaller? {
        if !caller.bearerToken.isEmpty { return tokens.claims(of: caller.bearerToken).map { .token($0) } }
        guard let peer = caller.peer, let identity = try? SPIFFEID(peer.identity) else { return nil }
        let isRevoked = state.withLock { state in
            SerialNumberText(peer.serialNumber).map { state.book.revoked[$0.text] != nil } ?? true
        }
        return isRevoked ? nil : .certificate(identity)
    }

    private func refused(_ refusal: SigningRefusal, caller: String, _ asked: SPIFFEID?, _ now: Date) {
        guard let omitted = state.withLock({ $0.refusals.refused(at: clock.now) }) else { return }
        refusals.append(
            AuditEntry(
                time: now,
                event: .refused,
                caller: caller,
                identity: asked?.description,
                reason: refusal.reason,
                omitted: omitted == 0 ? nil : omitted
            )
        )
    }
}

/// Somebody who proved to be it.
enum AuthenticatedCaller: Hashable, Sendable {
    /// The bearer of a token.
    case token(TokenClaims)
    /// The holder of a certificate of this authority.
    case certificate(SPIFFEID)

    /// What the audit log calls it: never the token.
    var name: String {
        switch self {
        case .token(let claims): "token \(claims.owner) of \(claims.namespace)"
        case .certificate(let identity): identity.description
        }
    }

    /// Whether it may be given an identity.
    func mayClaim(_ identity: SPIFFEID, trustDomain: String) -> Bool {
        switch self {
        case .token(let claims): claims.allows(identity, trustDomain: trustDomain)
        case .certificate(let own): own == identity && own.trustDomain == trustDomain
        }
    }
}
