// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes
public import MeshCore
public import NIOCore

/// The answer of a `MeshHTTPServer`'s handler.
public struct InboundResponse: Sendable {
    /// A response's body.
    public struct Body: Sendable {
        enum Content: Sendable {
            case bytes(ByteBuffer)
            /// Nothing, and HTTP/2 says so in the head itself: gRPC's `Trailers-Only`.
            case nothing
            case stream(length: Int?, @Sendable (InboundResponseWriter) async throws -> HTTPFields?)
        }

        let content: Content

        /// No body.
        public static let none = Body(content: .bytes(ByteBuffer()))

        /// No body, and no frame that says so behind the head.
        static let nothing = Body(content: .nothing)

        /// A body that is held in memory.
        public static func bytes(_ bytes: ByteBuffer) -> Body {
            Body(content: .bytes(bytes))
        }

        /// A text.
        public static func text(_ text: String) -> Body {
            Body(content: .bytes(ByteBuffer(string: text)))
        }

        /// A body that `produce` writes, as fast as the caller takes it.
        ///
        /// An error that it throws ends the connection or the stream, which is how the caller learns that the body is
        /// incomplete.
        /// - Parameters:
        ///   - length: The bytes that will be written, if that is known. A body of another length ends the connection
        ///     or the stream.
        ///   - produce: Writes the body and returns the fields behind it, if there are any. Fields behind a body of
        ///     known length are not sent over HTTP/1.1, which has no place for them.
        public static func written(
            length: Int? = nil,
            by produce: @escaping @Sendable (InboundResponseWriter) async throws -> HTTPFields?
        ) -> Body {
            Body(content: .stream(length: length, produce))
        }
    }

    /// The response's head. Fields about the connection and the body's framing are the server's and are replaced.
    public var head: HTTPResponse
    /// The body. What answers a HEAD request, and what has a status without body, is sent without it.
    public var body: Body

    /// Creates a response.
    public init(_ head: HTTPResponse, body: Body = .none) {
        self.head = head
        self.body = body
    }

    /// Creates a response.
    public init(
        status: HTTPResponse.Status = .ok,
        headerFields: HTTPFields = [:],
        body: Body = .none
    ) {
        self.init(HTTPResponse(status: status, headerFields: headerFields), body: body)
    }

    /// gRPC's status in the head of an answer that has no body; `nil` without one.
    var rpcStatus: Int? {
        guard case .nothing = body.content, let name = HTTPField.Name("grpc-status") else { return nil }
        return head.headerFields[name].flatMap { Int($0) }
    }

    /// Creates the answer that the mesh gives in place of a handler.
    public init(localReply reply: LocalReply) {
        var fields = HTTPFields()
        for header in reply.headers {
            guard let name = HTTPField.Name(header.name.lowercased) else { continue }
            fields.append(HTTPField(name: name, value: header.value))
        }
        if fields[.contentType] == nil { fields[.contentType] = "text/plain" }
        self.init(
            status: HTTPResponse.Status(code: reply.status),
            headerFields: fields,
            body: reply.isInGRPC ? .nothing : .text(reply.body)
        )
    }
}

/// Where a streamed response goes.
public struct InboundResponseWriter: Sendable {
    let exchange: ExchangeReference

    /// Sends a chunk; returns when the connection takes the next one.
    /// - Throws: `MeshError` when the caller has left, stalled, or its deadline passed; `CancellationError`.
    public func write(_ chunk: ByteBuffer) async throws {
        try await exchange.write(chunk)
    }
}
