// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why an identity could not be made, taken or trusted.
public struct IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong. More codes may come: switch with a default.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case malformedCertificate, notAWorkloadCertificate, untrusted, notAccepted, mismatch, notIssued, unanswered
            case revoked
        }

        private var wrapped: Wrapped

        /// Something that should be a certificate or a request for one cannot be parsed.
        public static let malformedCertificate = Code(wrapped: .malformedCertificate)
        /// The certificate breaks the rules for X.509-SVIDs: not exactly one URI name, a CA, usable for signing others.
        public static let notAWorkloadCertificate = Code(wrapped: .notAWorkloadCertificate)
        /// No chain leads to a root of the peer's trust domain, or one of its certificates is expired.
        public static let untrusted = Code(wrapped: .untrusted)
        /// The certificate, or that of an authority that signed it, was taken back.
        public static let revoked = Code(wrapped: .revoked)
        /// The peer proved an identity, and it is none of those that are accepted.
        public static let notAccepted = Code(wrapped: .notAccepted)
        /// A certificate was issued for another key or another identity than the ones asked for.
        public static let mismatch = Code(wrapped: .mismatch)
        /// This process has no certificate yet.
        public static let notIssued = Code(wrapped: .notIssued)
        /// The issuer did not answer in time.
        public static let unanswered = Code(wrapped: .unanswered)

        /// The code's name.
        public var description: String { wrapped.rawValue }
    }

    /// What is wrong.
    public var code: Code
    /// One sentence for a person.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the message.
    public var description: String { "\(code): \(message)" }
}
