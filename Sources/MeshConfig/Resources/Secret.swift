// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A certificate with its key, or roots to judge peers by (`envoy.extensions.transport_sockets.tls.v3.Secret`).
///
/// Clusters and listeners name it; a new one under the same name is used by the connections that are made from then on.
public struct Secret: Hashable, Sendable {
    /// What a secret is.
    public enum Content: Hashable, Sendable {
        /// A certificate to show.
        case certificate(TLSCertificate)
        /// What peers are judged by.
        case validation(PeerValidation)
    }

    /// Its name.
    public var name: String
    /// What it is.
    public var content: Content

    /// Creates a secret.
    public init(name: String, content: Content) {
        self.name = name
        self.content = content
    }
}
