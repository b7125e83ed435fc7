// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshSecurity
import Synchronization
import X509

#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// Who this process is: its X.509-SVID, the key and the roots that it judges peers by, swapped as one.
///
/// One value serves every client and server of a process. New connections use the latest certificate; open ones keep
/// the one that they began with. It has no certificate until `install` is called, which `IdentityRotation` does.
public final class WorkloadIdentity: Sendable {
    private struct State {
        var issued: IssuedIdentity?
        var generation: UInt64 = 0
        /// Grows with every change of what peers are judged by.
        var trustGeneration: UInt64 = 0
        /// What came with the certificate.
        var delivered = TrustBundle()
        var federation: TrustBundle
        var revocations: [String: RevocationLists] = [:]

        /// What peers are judged by.
        func trust() -> TrustBundle {
            var trust = delivered
            trust.formUnion(federation)
            for (domain, lists) in revocations { trust.setRevocations(lists, of: domain) }
            return trust
        }
    }

    /// The identity that certificates are issued for.
    public let spiffeID: SPIFFEID

    let observers: ObserverSet
    /// What peers have shown, and by which trust it was verified.
    let verified = VerifiedPeers()
    private let state: Mutex<State>

    /// Creates an identity that has no certificate yet.
    /// - Parameters:
    ///   - spiffeID: Who this process is.
    ///   - federation: Roots of further trust domains. The own domain's roots come with the certificate.
    ///   - observers: Are told of peers that were refused.
    public init(
        spiffeID: SPIFFEID,
        federation: TrustBundle = TrustBundle(),
        observers: ObserverSet = .none
    ) {
        self.spiffeID = spiffeID
        self.state = Mutex(State(federation: federation))
        self.observers = observers
    }

    /// When the certificate in use expires; `nil` if there is none yet.
    public var expiresAt: Date? { state.withLock { $0.issued?.expiresAt } }

    /// Grows by one with every certificate; 0 if there is none yet.
    public var generation: UInt64 { state.withLock { $0.generation } }

    /// Takes a certificate into use.
    ///
    /// Prepares a TLS context: do not call it on an event loop.
    /// - Parameters:
    ///   - chain: PEM documents, the leaf first and the roots (certificates that signed themselves) last.
    ///   - request: The request that the issuer answered.
    /// - Throws: `IdentityError` if the chain is for another key or identity, or if peers would not trust it; the last
    ///   certificate stays in use.
    public func install(_ chain: [String], answering request: CertificateRequest) async throws {
        guard request.spiffeID == spiffeID else {
            throw IdentityError(.mismatch, "this is \(spiffeID), not \(request.spiffeID)")
        }
        try await install(
            CertificatePEM.certificates(in: chain.joined(separator: "\n")),
            key: .made(request.key),
            trust: TrustBundle()
        )
    }

    /// Takes an identity from outside into use.
    ///
    /// Prepares a TLS context: do not call it on an event loop.
    /// - Throws: `IdentityError` if anything of it cannot be parsed, if it is for another identity, if key and certificate do
    ///   not belong together, or if peers would not trust it; the last identity stays in use.
    public func install(_ material: IdentityMaterial) async throws {
        var trust = try TrustBundle(pemByTrustDomain: material.roots.mapValues { [$0] })
        for (domain, lists) in material.revocationLists {
            trust.setRevocations(try RevocationLists(pem: [lists], unknown: .accepted), of: domain)
        }
        try await install(
            CertificatePEM.certificates(in: material.certificate.chain),
            key: IdentityKey(material.certificate.privateKey),
            trust: trust
        )
    }

    private func install(_ chain: [Certificate], key: IdentityKey, trust: TrustBundle) async throws {
        var issued = try await IssuedIdentity(
            chain: chain,
            key: key,
            for: spiffeID,
            trust: trust,
            federation: state.withLock { $0.federation }
        )
        state.withLock { state in
            state.delivered = issued.trust
            issued.trust = state.trust()
            state.issued = issued
            state.generation += 1
            state.trustGeneration += 1
        }
    }

    /// For how long the certificate in use is valid; zero if there is none, or if it has expired.
    public var validFor: Nanoseconds {
        Nanoseconds(.seconds(max(0, expiresAt?.timeIntervalSinceNow ?? 0)))
    }

    /// What peers are judged by now; nothing before the first certificate.
    public var trust: TrustBundle { state.withLock { $0.issued?.trust ?? TrustBundle() } }

    /// Sets the roots of further trust domains in the place of those that were set before. New handshakes are judged by them
    /// from now on.
    public func setFederation(_ federation: TrustBundle) {
        state.withLock { state in
            state.federation = federation
            let trust = state.trust()
            state.issued?.trust = trust
            state.trustGeneration += 1
        }
    }

    /// Sets the revocation lists that certificates of a domain are checked against, in the place of those that came with
    /// the certificate. New handshakes are judged by them from now on.
    /// - Parameter lists: `nil` to go back to those that came with the certificate.
    public func setRevocations(_ lists: RevocationLists?, of trustDomain: String) {
        state.withLock { state in
            state.revocations[trustDomain] = lists
            let trust = state.trust()
            state.issued?.trust = trust
            state.trustGeneration += 1
        }
    }

    /// What peers are judged by now, with a number that grows when trust shrinks (`VerifiedPeers.revision`).
    /// - Throws: `IdentityError` with the code `notIssued` if there is no certificate yet.
    func judging() throws(IdentityError) -> (trust: TrustBundle, revision: UInt64) {
        let found = state.withLock { state in state.issued.map { ($0.trust, state.trustGeneration) } }
        guard let (trust, generation) = found else {
            throw IdentityError(.notIssued, "\(spiffeID) has no certificate yet")
        }
        return (trust, verified.revision(of: trust, generation: generation))
    }

    /// The certificate in use.
    /// - Throws: `IdentityError` with the code `notIssued` if there is none yet.
    func current() throws(IdentityError) -> IssuedIdentity {
        guard let issued = state.withLock({ $0.issued }) else {
            throw IdentityError(.notIssued, "\(spiffeID) has no certificate yet")
        }
        return issued
    }
}
