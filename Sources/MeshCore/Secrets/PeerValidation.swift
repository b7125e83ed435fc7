// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whom the other end of a connection must prove to be
/// (`envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext`).
public struct PeerValidation: Hashable, Sendable {
    /// The certificates as PEM that a chain must lead to; empty only where `takesUntrusted` or a pinned hash says enough.
    public var trustedRoots: String
    /// The names of which the peer's certificate must have one, URIs or DNS names in full; empty for any.
    ///
    /// Those that an endpoint's security accepts count besides.
    public var acceptedNames: [String]
    /// Names by other comparisons; one of them, or of `acceptedNames`, must be in the certificate. Default empty.
    public var matchers: [PeerNameMatcher]
    /// Revocation lists as PEM (RFC 5280 §5); `nil` for none.
    ///
    /// Default `nil`: Envoy's `crl`. With a list, the certificate's issuer must have one that is in force, and the
    /// certificate must not be on it.
    public var revocationLists: String?
    /// Whether only the peer's own certificate is looked for on the lists, and not those of the authorities between it and
    /// the root.
    ///
    /// Default `false`: Envoy's `only_verify_leaf_cert_crl`. Without it, a peer whose certificate is not signed by a root
    /// itself is refused: the TLS library does not show the authorities between.
    public var checksLeafRevocationOnly: Bool
    /// SHA-256 hashes of certificates in hexadecimal, lower case, of which the peer's must be one; empty for any.
    ///
    /// Default empty: Envoy's `verify_certificate_hash`. A hash of either list is enough.
    public var certificateHashes: [String]
    /// SHA-256 hashes of public keys (SubjectPublicKeyInfo) in Base64, of which the peer's must be one; empty for any.
    ///
    /// Default empty: Envoy's `verify_certificate_spki`.
    public var keyHashes: [String]
    /// Whether a chain that leads to no root is taken, where names and hashes say enough.
    ///
    /// Default `false`: Envoy's `trust_chain_verification: VERIFY_TRUST_CHAIN`.
    public var takesUntrusted: Bool
    /// The trust domain that the peer's one SPIFFE ID must be of; `nil` if it needs none.
    ///
    /// Default `nil`: Envoy's `envoy.tls.cert_validator.spiffe`, with one trust domain.
    public var trustDomain: String?

    /// Creates a validation from PEM documents.
    public init(
        trustedRoots: String,
        acceptedNames: [String] = [],
        matchers: [PeerNameMatcher] = [],
        revocationLists: String? = nil,
        checksLeafRevocationOnly: Bool = false,
        certificateHashes: [String] = [],
        keyHashes: [String] = [],
        takesUntrusted: Bool = false,
        trustDomain: String? = nil
    ) {
        self.trustedRoots = trustedRoots
        self.acceptedNames = acceptedNames
        self.matchers = matchers
        self.revocationLists = revocationLists
        self.checksLeafRevocationOnly = checksLeafRevocationOnly
        self.certificateHashes = certificateHashes
        self.keyHashes = keyHashes
        self.takesUntrusted = takesUntrusted
        self.trustDomain = trustDomain
    }
}
