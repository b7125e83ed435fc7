// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshIdentity
import X509

/// What an authority signs with and what is trusted, at one moment.
///
/// ```
///  next root ──(everybody knows it)──▶ root ──(nothing lives that it signed)──▶ gone
///                                       │ signs
///                    issuing authority ◀┘ ──(replaced; its leaves live on)──▶ retired ──▶ gone
/// ```
struct AuthorityState: Sendable {
    /// An authority that signs leaves, or did until another one took its place.
    struct Issuer: Sendable {
        var pair: AuthorityKeyPair
        /// The authorities above it, without the root.
        var chain: [Certificate]
        /// Since when it signs.
        var since: Date

        /// - Parameter since: Default: since it was made.
        init(_ pair: AuthorityKeyPair, chain: [Certificate] = [], since: Date? = nil) {
            self.pair = pair
            self.chain = chain
            self.since = since ?? pair.madeAt
        }

        /// What its key is called in the revocation lists of the authority.
        var keyIdentifier: String { Self.name(of: pair.certificate) }

        static func name(of certificate: Certificate) -> String {
            SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier.map { String($0, radix: 16) }
                .joined(separator: ":")
        }

        /// What workloads send after their own certificate.
        var sent: [Certificate] { pair.signedItself ? [] : [pair.certificate] + chain }
    }

    /// Who signs, followed by those who did, the newest first.
    var issuers: [Issuer]
    /// The root whose key is here; `nil` if the operator keeps it.
    var root: AuthorityKeyPair?
    /// The root that takes over once everybody trusts it.
    var next: AuthorityKeyPair?
    /// Every root that is trusted, the one in use first.
    var roots: [Certificate]

    /// What changed when a state was brought up to date.
    enum Change: String, Hashable, Sendable {
        case rootPrepared, rootActivated, rootRetired, issuerReplaced, issuerRetired
    }

    /// A new authority that keeps its own root.
    init(newFor trustDomain: String, now: Date) throws {
        let root = try AuthorityKeyPair(newRootFor: trustDomain, now: now)
        let issuing = try AuthorityKeyPair(newIntermediateBelow: root, trustDomain: trustDomain, now: now)
        self.init(issuers: [Issuer(issuing)], root: root, next: nil, roots: [root.certificate])
    }

    init(issuers: [Issuer], root: AuthorityKeyPair?, next: AuthorityKeyPair?, roots: [Certificate]) {
        self.issuers = issuers
        self.root = root
        self.next = next
        self.roots = roots
    }

    /// Makes the root that takes over later. Without effect if there is one already, or if the operator keeps the root.
    /// - Returns: Whether one was made.
    mutating func prepareRoot(trustDomain: String, now: Date) throws -> Bool {
        guard root != nil, next == nil else { return false }
        let pair = try AuthorityKeyPair(newRootFor: trustDomain, now: now)
        next = pair
        roots.append(pair.certificate)
        return true
    }

    /// Does what is due.
    /// - Parameter overlap: After this long every certificate that was issued before has expired, and so everybody knows
    ///   the roots of then.
    /// - Returns: What was done.
    mutating func maintain(trustDomain: String, overlap: TimeInterval, now: Date) throws -> [Change] {
        var changes: [Change] = []
        if let root {
            if root.certificate.notValidAfter.timeIntervalSince(now) < AuthorityKeyPair.rootLifetime / 10,
                try prepareRoot(trustDomain: trustDomain, now: now)
            {
                changes.append(.rootPrepared)
            }
            if let next, now >= next.madeAt.addingTimeInterval(overlap) {
                self.root = next
                self.next = nil
                roots = [next.certificate] + roots.filter { $0 != next.certificate }
                try replaceIssuer(below: next, trustDomain, now)
                changes.append(.rootActivated)
            } else if let current = issuers.first, current.pair.signedItself ? false : Self.isHalfOver(current, now) {
                try replaceIssuer(below: root, trustDomain, now)
                changes.append(.issuerReplaced)
            }
        }
        return changes + retire(overlap: overlap, now: now)
    }

    private mutating func replaceIssuer(below root: AuthorityKeyPair, _ trustDomain: String, _ now: Date) throws {
        let pair = try AuthorityKeyPair(newIntermediateBelow: root, trustDomain: trustDomain, now: now)
        issuers.insert(Issuer(pair), at: 0)
    }

    private static func isHalfOver(_ issuer: Issuer, _ now: Date) -> Bool {
        let life = issuer.pair.certificate.notValidAfter.timeIntervalSince(issuer.pair.madeAt)
        return now >= issuer.pair.madeAt.addingTimeInterval(life / 2)
    }

    /// Forgets who signed nothing that still lives.
    private mutating func retire(overlap: TimeInterval, now: Date) -> [Change] {
        var changes: [Change] = []
        let last = issuers.indices.dropFirst().first { now >= issuers[$0 - 1].since.addingTimeInterval(overlap) }
        if let last {
            issuers.removeSubrange(last...)
            changes.append(.issuerRetired)
        }
        // An authority that signed leaves with its root is known by nothing else than the root: it stays as long.
        guard let root, let current = issuers.first, now >= current.since.addingTimeInterval(overlap) else {
            return changes
        }
        let kept = roots.filter { candidate in
            candidate == root.certificate || candidate == next?.certificate
                || issuers.contains { issuer in
                    issuer.pair.certificate == candidate || candidate.publicKey.signed(issuer.pair.certificate)
                }
        }
        if kept.count < roots.count {
            roots = kept
            changes.append(.rootRetired)
        }
        return changes
    }
}

extension Certificate.PublicKey {
    fileprivate func signed(_ certificate: Certificate) -> Bool {
        isValidSignature(certificate.signature, for: certificate)
    }
}
