// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes

/// A request that `MeshHTTPServer` has received.
public struct InboundRequest: Sendable {
    /// The request's head, without the fields that belong to its connection.
    public var head: HTTPRequest
    /// The body, read at the speed of its reader.
    public let body: InboundBody
    /// The identity that the caller proved by its certificate (`spiffe://…`), if it proved one.
    public let peerIdentity: String?

    init(head: HTTPRequest, body: InboundBody, peerIdentity: String?) {
        self.head = head
        self.body = body
        self.peerIdentity = peerIdentity
    }
}
