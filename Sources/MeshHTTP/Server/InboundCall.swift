// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import HTTPTypes
package import MeshCore
package import MeshSecurity
package import NIOCore

/// A request that was admitted, for whoever answers it piece by piece while its body still comes in: gRPC's servers.
///
/// The response is `start`, any number of `write`, and `end`; or `answer` alone. Whoever returns without an end leaves the
/// caller with a stream that is reset.
package struct InboundCall: Sendable {
    /// When a piece of a response goes to the wire.
    package enum Flushing: Sendable {
        /// Soon, together with what is written until the task has to wait.
        case soon
        /// With what comes behind it, or when the connection is full.
        case later
    }

    /// The request's head as the handler may see it.
    package let head: HTTPRequest
    /// The request's body.
    package let body: InboundBody
    /// What is known of the connection.
    package let peer: AuthorizationPeer
    /// The connection, or the stream of HTTP/2.
    package let channel: any Channel
    /// Whether it came by HTTP/2.
    package let isHTTP2: Bool
    let exchange: ExchangeReference

    /// Writes the response's head, or holds it until something comes behind it.
    /// - Throws: `MeshError` when the call was answered already, the caller has left or its deadline has passed.
    package func start(_ head: HTTPResponse, isHeld: Bool) async throws {
        try await exchange.start(head, isHeld: isHeld)
    }

    /// Writes a piece of the body; returns when the connection takes the next one.
    /// - Throws: As `start`; `CancellationError`.
    package func write(_ chunk: ByteBuffer, flushing: Flushing) async throws {
        try await exchange.write(chunk, flushing: flushing == .soon ? .soon : .later)
    }

    /// Sends what was held and written.
    package func flush() { exchange.flush() }

    /// Cuts the call when so much time has passed: its caller gets DEADLINE_EXCEEDED, if it speaks gRPC.
    package func limit(to timeLeft: Nanoseconds) { exchange.limit(to: timeLeft) }

    /// Ends the response; returns when all of it has gone to the wire.
    package func end(_ trailers: HTTPFields) async throws {
        try await exchange.end(trailers)
    }

    /// Answers with a head and nothing else: one frame, where it is HTTP/2.
    package func answer(_ head: HTTPResponse) async throws {
        try await exchange.send(InboundResponse(head, body: .nothing))
    }
}

/// Who answers the requests of a server.
enum InboundResponder: Sendable {
    /// A closure that returns a response.
    case response(@Sendable (InboundRequest) async throws -> InboundResponse)
    /// One that writes it itself, and tells how that ended.
    case call(@Sendable (InboundCall) async -> InboundEnding)
}

/// How a request that came in was answered.
package struct InboundEnding: Sendable {
    /// HTTP's status that the caller got.
    package var status: Int
    /// gRPC's status, where it was an RPC.
    package var rpcStatus: Int?
    /// The bytes of an RPC's messages, without their prefixes.
    package var messageBytes: (request: UInt64, response: UInt64)
    /// What went wrong.
    package var error: (any Error)?

    package init(
        status: Int,
        rpcStatus: Int? = nil,
        messageBytes: (request: UInt64, response: UInt64) = (0, 0),
        error: (any Error)? = nil
    ) {
        self.status = status
        self.rpcStatus = rpcStatus
        self.messageBytes = messageBytes
        self.error = error
    }
}
