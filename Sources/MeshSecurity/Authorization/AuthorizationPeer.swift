// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a server knows of its peer and of the connection that a request came by. Server adapters fill it once a
/// connection, from what was proved there: names come from the certificate, never from a header.
public struct AuthorizationPeer: Hashable, Sendable {
    /// The names of the peer's certificate; `nil` if it showed none.
    public var certificate: PeerCertificate?
    /// Whether the connection speaks TLS, with or without a certificate of the peer.
    public var isSecured: Bool
    /// The address at the other end of the connection; `nil` if that has none (a Unix domain socket).
    public var source: IPAddress?
    /// The port at the other end of the connection.
    public var sourcePort: UInt16?
    /// The address that counts as the client's: what trusted proxies say in `x-forwarded-for`, where the listener says
    /// how many of them there are, or else `source`. `InboundStack.admit` writes it.
    public var remote: IPAddress?
    /// The address at this end of the connection.
    public var destination: IPAddress?
    /// The port at this end of the connection; `InboundStack.admit` takes the listener's where nobody said it.
    public var destinationPort: UInt16?
    /// The server name that the client asked for (SNI); `nil` if it asked for none, or without TLS.
    public var serverName: String?
    /// What filters noted about the request, by their namespace: the claims of a token under
    /// `envoy.filters.http.jwt_authn`, say. `InboundStack.admit` writes it from the request's context
    /// (`CallContext.noteMetadata`) before each step that asks.
    public var metadata: [String: MetadataValue]

    /// Creates what is known of a connection.
    public init(
        certificate: PeerCertificate?,
        isSecured: Bool? = nil,
        source: IPAddress? = nil,
        sourcePort: UInt16? = nil,
        destination: IPAddress? = nil,
        destinationPort: UInt16? = nil,
        serverName: String? = nil,
        metadata: [String: MetadataValue] = [:]
    ) {
        self.certificate = certificate
        self.isSecured = isSecured ?? (certificate != nil)
        self.source = source
        self.sourcePort = sourcePort
        self.remote = source
        self.destination = destination
        self.destinationPort = destinationPort
        self.serverName = serverName
        self.metadata = metadata
    }

    /// Creates a peer of whom nothing is known but the identity that it proved; with `nil`, not even that.
    public init(identity: String?, destinationPort: UInt16? = nil) {
        self.init(
            certificate: identity.map { PeerCertificate(uriNames: [$0]) },
            destinationPort: destinationPort
        )
    }

    /// The first URI name of the certificate that the peer proved; `nil` without one.
    public var identity: String? { certificate?.uriNames.first }
}
