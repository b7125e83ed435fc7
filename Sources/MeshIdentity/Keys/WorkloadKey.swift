// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import MeshCore
import NIOSSL
import X509

/// A private key on the curve P-256 that is made here and never leaves the process.
///
/// It has no textual form, and a mirror shows nothing of it, so that no log or crash report can carry it away.
struct WorkloadKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let key = P256.Signing.PrivateKey()

    /// The key for signing a request with it.
    var forSigning: Certificate.PrivateKey { Certificate.PrivateKey(key) }

    /// The public half, to be compared with the one in a certificate.
    var publicKey: Certificate.PublicKey { Certificate.PublicKey(key.publicKey) }

    /// The key in the form that the TLS stack takes.
    /// - Throws: The TLS stack's error if it cannot parse what the crypto library wrote.
    func forTLS() throws -> NIOSSLPrivateKey {
        try NIOSSLPrivateKey(bytes: [UInt8](key.derRepresentation), format: .der)
    }

    /// The key as PEM, for a proxy on the same machine that the app gives it to; nobody else asks for it.
    var revealed: SecretText { SecretText(key.pemRepresentation) }

    var description: String { "WorkloadKey" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
