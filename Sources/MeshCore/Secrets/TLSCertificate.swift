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

/// Whom the other end of a connection must prove to be.
public struct PeerValidation: Hashable, Sendable {
    /// The certificates as PEM that a chain must lead to.
    public var trustedRoots: String
    /// The names of which the peer's certificate must have one, URIs or DNS names in full; empty for any.
    ///
    /// Those that an endpoint's security accepts count besides.
    public var acceptedNames: [String]

    /// Creates a validation from PEM documents.
    public init(trustedRoots: String, acceptedNames: [String] = []) {
        self.trustedRoots = trustedRoots
        self.acceptedNames = acceptedNames
    }
}
