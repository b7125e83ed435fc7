// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOSSL
import SwiftASN1
import X509

/// The key of a certificate: one that was made here, or one from outside.
///
/// It has no textual form, and a mirror shows nothing of it.
struct IdentityKey: Sendable, CustomStringConvertible, CustomReflectable {
    private enum Kind: Sendable {
        case made(WorkloadKey)
        case given(SecretText)
    }

    /// The public half, to be compared with the one in a certificate.
    let publicKey: Certificate.PublicKey
    private let kind: Kind

    private init(_ publicKey: Certificate.PublicKey, _ kind: Kind) {
        self.publicKey = publicKey
        self.kind = kind
    }

    /// A key that was made here.
    static func made(_ key: WorkloadKey) -> Self { Self(key.publicKey, .made(key)) }

    /// Reads a key from outside.
    /// - Throws: `IdentityError` if it is no private key in PEM without a password. The reason shows nothing of it.
    init(_ pem: SecretText) throws(IdentityError) {
        do {
            let key = try Certificate.PrivateKey(pemEncoded: pem.revealed)
            self.init(key.publicKey, .given(pem))
        } catch {
            throw IdentityError(.malformedCertificate, "the key is no private key in PEM without a password")
        }
    }

    /// The key in the form that the TLS stack takes.
    /// - Throws: The TLS stack's error if it cannot parse it.
    func forTLS() throws -> NIOSSLPrivateKey {
        switch kind {
        case .made(let key): try key.forTLS()
        case .given(let pem): try NIOSSLPrivateKey(bytes: Array(pem.revealed.utf8), format: .pem)
        }
    }

    /// The key as PEM, for a proxy on the same machine that the app gives it to; nobody else asks for it.
    var revealed: SecretText {
        switch kind {
        case .made(let key): key.revealed
        case .given(let pem): pem
        }
    }

    var description: String { "IdentityKey" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
