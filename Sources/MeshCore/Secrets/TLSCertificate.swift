// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A certificate that one end of a connection shows, with its private key.
public struct TLSCertificate: Hashable, Sendable {
    /// The certificates as PEM, the leaf first, each followed by its issuer.
    public var chain: String
    /// The private key of the leaf as PEM, without a password.
    public var privateKey: SecretText

    /// Creates a certificate from PEM documents.
    public init(chain: String, privateKey: SecretText) {
        self.chain = chain
        self.privateKey = privateKey
    }
}
