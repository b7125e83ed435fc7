// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The other end of a connection was refused for what it proved, or did not prove, by its certificate.
public struct PeerRefusal: Hashable, Sendable {
    /// Which end was refused.
    public enum Role: String, Hashable, Sendable {
        /// It called us.
        case client
        /// We called it.
        case server
    }

    /// Why, in words that are few enough to count by.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// It showed no certificate.
        case noCertificate = "no_certificate"
        /// Its certificate is not valid yet, or not any more.
        case expired
        /// Nobody but itself vouches for its certificate.
        case selfSigned = "self_signed"
        /// It names a trust domain of which no root is trusted.
        case unknownTrustDomain = "unknown_trust_domain"
        /// Its certificate, or an authority's above it, was revoked; or nobody can say whether it was.
        case revoked
        /// Its certificate does not have exactly one URI name that is a SPIFFE ID.
        case notOneIdentity = "not_one_identity"
        /// Its certificate is an authority's, or its key may sign certificates.
        case authority
        /// It proved an identity, and none that is accepted.
        case notAccepted = "not_accepted"
        /// Its certificate cannot be parsed.
        case malformed
        /// No chain leads to a root, or one that breaks a rule.
        case untrusted
        /// It does not speak TLS, or another TLS.
        case handshake
        /// It speaks plaintext where that is not taken any more.
        case plaintext
    }

    /// Which end was refused.
    public var role: Role
    /// Why.
    public var reason: Reason
    /// One sentence for a person.
    public var message: String

    /// Creates a refusal.
    public init(role: Role, reason: Reason, message: String) {
        self.role = role
        self.reason = reason
        self.message = message
    }
}
