// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Signs certificates: the seam between a certificate authority and the service that workloads ask.
public protocol CertificateSigner: Sendable {
    /// Signs a request for a caller.
    /// - Parameters:
    ///   - csrPEM: The certificate request.
    ///   - caller: What proves who asks.
    ///   - validity: For how long the caller would like the certificate; zero leaves it to the authority.
    /// - Returns: The chain, leaf first and root last, in PEM.
    /// - Throws: `CertificateRefusal`, of which the caller learns the reason; anything else is an internal error to it.
    func sign(csrPEM: String, for caller: SigningCaller, validity: Nanoseconds) async throws -> [String]
}

/// What a caller of the certificate service shows.
public struct SigningCaller: Hashable, Sendable {
    /// The peer of a connection that is protected by mutual TLS.
    public struct Peer: Hashable, Sendable {
        /// The SPIFFE ID that its certificate proves.
        public var identity: String
        /// The certificate's number in hexadecimal digits.
        public var serialNumber: String

        /// Creates a peer.
        public init(identity: String, serialNumber: String) {
            self.identity = identity
            self.serialNumber = serialNumber
        }
    }

    /// The token that it bears; empty if none.
    public var bearerToken: String
    /// Who it is by the certificate of its connection; `nil` if it showed none.
    public var peer: Peer?

    /// Creates a caller.
    public init(bearerToken: String = "", peer: Peer? = nil) {
        self.bearerToken = bearerToken
        self.peer = peer
    }
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
        /// The caller asks too often.
        case tooMany
        /// The authority cannot sign at the moment.
        case unavailable
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
