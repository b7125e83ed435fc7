// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes

/// A request on its way out: a head of swift-http-types, a body, and perhaps trailers.
public struct OutboundRequest: Sendable {
    /// Method, scheme, authority, path and header fields.
    ///
    /// The authority becomes the `Host` header; where the request really goes is the endpoint's matter. The transport
    /// frames the body itself and drops hop-by-hop fields, `connection: close` excepted, which it honours.
    public var head: HTTPRequest
    /// The body.
    public var body: RequestBody
    /// Fields behind the body; they make the body chunked.
    public var trailers: HTTPFields?

    /// Creates a request.
    public init(_ head: HTTPRequest, body: RequestBody = .none, trailers: HTTPFields? = nil) {
        self.head = head
        self.body = body
        self.trailers = trailers
    }
}
