// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import NIOSSL
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension PeerRefusal.Reason {
    /// Why a chain was refused, by what the verification says and what stands in the leaf.
    init(_ error: any Error, leaf: Certificate?, trust: TrustBundle?) {
        let code = (error as? IdentityError)?.code
        guard let leaf else {
            self = code == .malformedCertificate ? .malformed : .untrusted
            return
        }
        switch code {
        case .revoked: self = .revoked
        case .notAccepted: self = .notAccepted
        case .malformedCertificate: self = .malformed
        case .notAWorkloadCertificate: self = Self.isAuthority(leaf) ? .authority : .notOneIdentity
        default:
            let now = Date()
            if leaf.notValidAfter < now || now < leaf.notValidBefore {
                self = .expired
            } else if leaf.issuer == leaf.subject, leaf.publicKey.isValidSignature(leaf.signature, for: leaf) {
                self = .selfSigned
            } else if let identity = try? WorkloadCertificate.identity(of: leaf), let trust,
                trust.roots(of: identity.trustDomain).isEmpty
            {
                self = .unknownTrustDomain
            } else {
                self = .untrusted
            }
        }
    }

    private static func isAuthority(_ certificate: Certificate) -> Bool {
        if case .isCertificateAuthority? = try? certificate.extensions.basicConstraints { return true }
        let usage = try? certificate.extensions.keyUsage
        return usage.map { $0.keyCertSign || $0.cRLSign } ?? false
    }
}
