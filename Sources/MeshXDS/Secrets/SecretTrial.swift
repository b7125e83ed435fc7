// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOSSL

extension TLSCertificate {
    /// Why no connection could show the certificate, and the field that says so; `nil` if one could. What the library
    /// reports is not passed on: it knows the key.
    var problem: (field: String, text: String)? {
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(chain.utf8)), !certificates.isEmpty else {
            return ("certificate_chain", "has no certificate in PEM")
        }
        guard let key = try? NIOSSLPrivateKey(bytes: Array(privateKey.revealed.utf8), format: .pem) else {
            return ("private_key", "is no private key in PEM without a password")
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([])
        configuration.certificateChain = certificates.map { .certificate($0) }
        configuration.privateKey = .privateKey(key)
        // The library compares the key with the leaf's when it takes both.
        guard (try? NIOSSLContext(configuration: configuration)) != nil else {
            return ("private_key", "is not that of the first certificate")
        }
        return nil
    }
}

extension PeerValidation {
    /// Why nobody could be judged by the roots; `nil` if somebody could.
    var problem: String? {
        guard let roots = try? NIOSSLCertificate.fromPEMBytes(Array(trustedRoots.utf8)), !roots.isEmpty else {
            return "has no certificate in PEM"
        }
        return nil
    }
}
