// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How a token is signed (RFC 7518 §3.1, RFC 8037): the names in its header. `none` is none of them.
public enum SignatureAlgorithm: String, Hashable, Sendable, CaseIterable {
    /// RSA with PKCS #1 v1.5 padding and SHA-256.
    case rs256 = "RS256"
    /// RSA with PKCS #1 v1.5 padding and SHA-384.
    case rs384 = "RS384"
    /// RSA with PKCS #1 v1.5 padding and SHA-512.
    case rs512 = "RS512"
    /// RSA with PSS padding and SHA-256.
    case ps256 = "PS256"
    /// RSA with PSS padding and SHA-384.
    case ps384 = "PS384"
    /// RSA with PSS padding and SHA-512.
    case ps512 = "PS512"
    /// ECDSA on P-256 with SHA-256.
    case es256 = "ES256"
    /// ECDSA on P-384 with SHA-384.
    case es384 = "ES384"
    /// ECDSA on P-521 with SHA-512.
    case es512 = "ES512"
    /// HMAC with SHA-256.
    case hs256 = "HS256"
    /// HMAC with SHA-384.
    case hs384 = "HS384"
    /// HMAC with SHA-512.
    case hs512 = "HS512"
    /// Ed25519.
    case edDSA = "EdDSA"
}
