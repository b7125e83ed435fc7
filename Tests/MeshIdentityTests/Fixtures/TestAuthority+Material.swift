// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import MeshCore
import SwiftASN1
import X509

@testable import MeshIdentity

extension TestAuthority {
    static let reviews = "spiffe://cluster.local/ns/default/sa/reviews"

    /// An identity as it comes from outside, with a key of its own.
    func material(
        _ name: String = reviews,
        revocationLists: [String: String] = [:],
        _ change: (inout Leaf) -> Void = { _ in }
    ) throws -> IdentityMaterial {
        let key = P256.Signing.PrivateKey()
        var leaf = Leaf(uris: [name])
        change(&leaf)
        let certificate = try sign(Certificate.PublicKey(key.publicKey), leaf)
        return IdentityMaterial(
            certificate: TLSCertificate(
                chain: try certificate.serializeAsPEM().pemString,
                privateKey: SecretText(key.pemRepresentation)
            ),
            roots: ["cluster.local": try pem],
            revocationLists: revocationLists
        )
    }
}
