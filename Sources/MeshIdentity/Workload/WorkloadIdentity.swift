// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshSecurity
import Synchronization

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
    }

    /// The identity that certificates are issued for.
    public let spiffeID: SPIFFEID

    let observers: ObserverSet
    /// What peers have shown, and by which trust it was verified.
    let verified = VerifiedPeers()
    private let federation: TrustBundle
    private let state = Mutex(State())

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
        self.federation = federation
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
        let issued = try await IssuedIdentity(
            chain: CertificatePEM.certificates(in: chain.joined(separator: "\n")),
            answering: request,
            federation: federation
        )
        state.withLock { state in
            state.issued = issued
            state.generation += 1
        }
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
