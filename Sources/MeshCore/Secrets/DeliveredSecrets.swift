// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The names of the secrets that protect a connection in place of the process's own identity.
public struct SecretReference: Hashable, Sendable {
    /// The certificate to show; `nil` for none, so that only the other end proves who it is.
    public var certificate: String?
    /// What the peer is judged by; `nil` for none.
    ///
    /// A server without it asks callers for no certificate. A client judges servers by the system's roots and the name
    /// that it asks for, unless `skipsVerification` says to take whoever answers.
    public var validation: String?
    /// Which TLS is spoken. Default: that of the mesh.
    public var parameters: TLSParameters
    /// Whether a client takes any server (Istio's `insecureSkipVerify`). Default `false`.
    public var skipsVerification: Bool

    /// Names secrets.
    public init(
        certificate: String? = nil,
        validation: String?,
        parameters: TLSParameters = TLSParameters(),
        skipsVerification: Bool = false
    ) {
        self.certificate = certificate
        self.validation = validation
        self.parameters = parameters
        self.skipsVerification = skipsVerification
    }

    /// Whether a secret is one of Istio's that are named after the files they come from: `file-cert:CERTIFICATE~KEY` and
    /// `file-root:ROOTS`. No control plane has them; a source of this process brings those that it may read.
    public static func isOfFile(_ name: String) -> Bool {
        name.hasPrefix("file-cert:") || name.hasPrefix("file-root:")
    }

    /// The names of the secrets that are needed.
    public var names: [String] { [validation, certificate].compactMap(\.self) }
}

/// What one connection is protected with. A connection keeps what it began with; the next one has what is there then.
public final class TransportSecrets: Sendable {
    /// The certificate to show; `nil` for none.
    public let certificate: TLSCertificate?
    /// What the peer is judged by; `nil` for nothing that was delivered.
    public let validation: PeerValidation?

    /// Creates a set.
    public init(certificate: TLSCertificate?, validation: PeerValidation?) {
        self.certificate = certificate
        self.validation = validation
    }
}

/// The secrets of the endpoints of a cluster, or of a server, as they are at the moment.
///
/// An endpoint keeps its connections and all that is remembered of it while its certificate is replaced, and new
/// connections show the one that is there then. What is made of the secrets, as a TLS context, holds as long as
/// `current` is the same object.
public final class DeliveredSecrets: Sendable, Hashable {
    /// There is nothing to protect a connection with.
    public struct Missing: Error, Hashable, CustomStringConvertible {
        /// Why, in words.
        public let description: String

        /// Creates an error.
        public init(_ description: String) {
            self.description = description
        }
    }

    /// The names.
    public let reference: SecretReference
    private let state: Mutex<Result<TransportSecrets, Missing>>

    /// Creates a place for secrets that have not come yet.
    public init(_ reference: SecretReference) {
        self.reference = reference
        state = Mutex(.failure(Missing("the secret \(reference.names.first ?? "") has not been delivered")))
    }

    /// The secrets.
    /// - Throws: `Missing` if one of them is not there: a connection without it would prove nothing.
    public var current: TransportSecrets {
        get throws(Missing) { try state.withLock { $0 }.get() }
    }

    /// Other secrets, or none, from now on. What is there already stays the same object.
    package func update(_ secrets: Result<TransportSecrets, Missing>) {
        state.withLock { state in
            if case .success(let old) = state, case .success(let new) = secrets,
                old.certificate == new.certificate, old.validation == new.validation
            {
                return
            }
            state = secrets
        }
    }

    /// Whether both are one.
    public static func == (lhs: DeliveredSecrets, rhs: DeliveredSecrets) -> Bool { lhs === rhs }

    /// Hashes which one it is.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(self))
    }
}
