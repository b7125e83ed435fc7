// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a service that says who may pass is told of a request (`envoy.service.auth.v3.AttributeContext`).
public struct AuthorizationQuestion: Sendable {
    /// The method.
    public var method: String
    /// The scheme.
    public var scheme: String
    /// The authority.
    public var authority: String
    /// The path with its query.
    public var path: String
    /// The header fields by their names in lower case, several values joined by commas; those only that it may see.
    public var headers: [String: String]
    /// How many bytes the body has; `nil` if nobody knows.
    public var bodyLength: Int?
    /// What is known of the connection.
    public var peer: AuthorizationPeer
    /// What the route says for the service (`context_extensions`).
    public var contextExtensions: [String: String]
    /// What filters noted, in the namespaces that the service may see.
    public var metadata: [String: [String: MetadataValue]]
    /// When the request came, since 1970.
    public var time: Nanoseconds

    /// Creates a question.
    public init(
        method: String,
        scheme: String,
        authority: String,
        path: String,
        headers: [String: String],
        bodyLength: Int? = nil,
        peer: AuthorizationPeer,
        contextExtensions: [String: String] = [:],
        metadata: [String: [String: MetadataValue]] = [:],
        time: Nanoseconds = .zero
    ) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.headers = headers
        self.bodyLength = bodyLength
        self.peer = peer
        self.contextExtensions = contextExtensions
        self.metadata = metadata
        self.time = time
    }
}
