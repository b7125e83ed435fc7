// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import SwiftASN1
import X509

extension WorkloadIdentity {
    /// The identity in use with its key, for a proxy on the same machine that speaks for this process (`SecretServer`).
    ///
    /// The one way by which a key that was made here gets out of this value. Whoever calls it answers for where it goes:
    /// nowhere but to that proxy, over a socket that only the own user may connect to.
    /// - Throws: `IdentityError` with the code `notIssued` if there is no certificate yet.
    public func materialForLocalProxy() throws -> IdentityMaterial {
        let issued = try current()
        let trust = issued.trust
        var material = IdentityMaterial(
            certificate: TLSCertificate(
                chain: try issued.sent.map { try $0.serializeAsPEM().pemString + "\n" }.joined(),
                privateKey: issued.key.revealed
            ),
            roots: [:]
        )
        for domain in trust.trustDomains {
            // In an order that does not change by itself: a proxy takes every change for news.
            let roots = try trust.roots(of: domain).map { try $0.serializeAsPEM().pemString + "\n" }.sorted()
            material.roots[domain] = roots.joined()
            guard let lists = trust.revocations(of: domain)?.lists, !lists.isEmpty else { continue }
            material.revocationLists[domain] = try lists.map { try $0.pem + "\n" }.joined()
        }
        return material
    }
}
