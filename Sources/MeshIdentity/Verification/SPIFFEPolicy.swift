// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity
import SwiftASN1
import X509

/// What a chain must obey beyond RFC 5280 to name a workload: the leaf is an X.509-SVID good for its role, and every
/// authority above it that names a trust domain names the leaf's.
struct SPIFFEPolicy: VerifierPolicy {
    let role: PeerRole

    /// The names may be critical (they must be when the subject is empty), and so may the extended usage; neither is
    /// known to the RFC 5280 policy, and a critical extension that nobody verifies makes the chain fail.
    var verifyingCriticalExtensions: [ASN1ObjectIdentifier] {
        [.X509ExtensionID.subjectAlternativeName, .X509ExtensionID.extendedKeyUsage]
    }

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
        do {
            let identity = try WorkloadCertificate.identity(of: chain.leaf)
            for authority in chain.dropFirst() {
                let domain = try WorkloadCertificate.trustDomain(ofAuthority: authority)
                guard domain == nil || domain == identity.trustDomain else {
                    return .failsToMeetPolicy(reason: "an authority of another trust domain signed for \(identity)")
                }
                if let usage = try authority.extensions.keyUsage, !usage.keyCertSign {
                    return .failsToMeetPolicy(reason: "the issuer's key may not sign certificates")
                }
            }
            if let usages = try chain.leaf.extensions.extendedKeyUsage {
                guard usages.contains(role.usage) || usages.contains(.any) else {
                    return .failsToMeetPolicy(reason: "the certificate of \(identity) is not for a \(role.rawValue)")
                }
            }
            return .meetsPolicy
        } catch {
            let reason = "\(error)"
            return .failsToMeetPolicy(reason: reason)
        }
    }
}
