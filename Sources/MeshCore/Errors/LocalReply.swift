// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An answer that the mesh gives in place of the upstream: an injected abort, a refusal, a redirect.
public struct LocalReply: Hashable, Sendable {
    /// The HTTP status code, 200 to 599.
    public var status: Int
    /// The body, as text.
    public var body: String
    /// Header fields to send along.
    public var headers: [Header]

    /// A header field of a local reply.
    public struct Header: Hashable, Sendable {
        /// The field's name.
        public var name: HeaderName
        /// The field's value.
        public var value: String

        /// Creates a header field.
        public init(_ name: HeaderName, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Creates a reply.
    public init(status: Int, body: String = "", headers: [Header] = []) {
        self.status = status
        self.body = body
        self.headers = headers
    }
}
