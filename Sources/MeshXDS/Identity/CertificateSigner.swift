// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Signs certificates: the seam between a certificate authority and the service that workloads ask.
public protocol CertificateSigner: Sendable {
    /// Signs a request for a caller.
    /// - Parameters:
    ///   - csrPEM: The certificate request.
    ///   - bearerToken: What the caller shows; empty if nothing.
    ///   - validity: For how long the caller would like the certificate; zero leaves it to the authority.
    /// - Returns: The chain, leaf first and root last, in PEM.
    /// - Throws: `CertificateRefusal`, of which the caller learns the reason; anything else is an internal error to it.
    func sign(csrPEM: String, bearerToken: String, validity: Nanoseconds) async throws -> [String]
}

/// Why a certificate is not signed.
public struct CertificateRefusal: Error, Hashable, Sendable {
    /// The kinds of reason.
    public enum Reason: Hashable, Sendable {
        /// Nobody knows who the caller is.
        case unauthenticated
        /// The caller may not have this identity.
        case forbidden
        /// The request is not one that the authority signs for anybody.
        case badRequest
    }

    /// The kind of reason.
    public var reason: Reason
    /// What the caller is told.
    public var message: String

    /// Creates a refusal.
    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }
}
