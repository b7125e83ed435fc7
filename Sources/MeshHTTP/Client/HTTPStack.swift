// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import ServiceMesh

/// The outbound stack, fixed to HTTP: the one place where its generic layers are specialised.
struct HTTPStack: Sendable {
    /// What a request has led to.
    enum Opened: Sendable {
        /// A response whose exchange is to be finished.
        case exchange(OutboundResponse, CallContext)
        /// An answer that the mesh gives by itself; there is nothing to finish.
        case reply(OutboundResponse)
    }

    private let mesh: Mesh
    private let stack: OutboundStack<HTTPTransport>

    init(
        mesh: Mesh,
        transport: HTTPTransport,
        requestMiddleware: [any Middleware<OutboundRequest, OutboundResponse>],
        attemptMiddleware: [any Middleware<OutboundRequest, OutboundResponse>]
    ) {
        self.mesh = mesh
        self.stack = OutboundStack(
            mesh: mesh,
            leaf: transport,
            requestMiddleware: requestMiddleware,
            attemptMiddleware: attemptMiddleware
        )
    }

    /// Sends a request and returns at the response's head.
    ///
    /// Concurrent, so that callers on the main actor leave it; a task that prefers an event loop stays on its loop.
    @concurrent
    func open(_ request: OutboundRequest, timeout: Duration?) async throws -> Opened {
        let deadline = timeout.map { Deadline(Nanoseconds($0), after: mesh.clock.now) }
        var context = mesh.makeContext(deadline: deadline ?? .never)
        do {
            let response = try await stack.send(request, context: &context)
            return .exchange(response, context)
        } catch let error as MeshError {
            guard let reply = error.localReply else { throw error }
            return .reply(OutboundResponse(reply))
        }
    }

    /// Ends the exchange of a response.
    func finish(_ context: CallContext, _ ending: ExchangeEnding) {
        var context = context
        stack.finish(&context, ending)
    }
}

extension OutboundResponse {
    /// The answer that the caller of a proxy would have got.
    init(_ reply: LocalReply) {
        let isStatus = (100...999).contains(reply.status)
        var head = HTTPResponse(status: HTTPResponse.Status(code: isStatus ? reply.status : 500))
        for header in reply.headers {
            guard let name = HTTPField.Name(header.name.lowercased) else { continue }
            head.headerFields.append(HTTPField(name: name, value: header.value))
        }
        head.headerFields[.contentLength] = String(reply.body.utf8.count)
        if !reply.body.isEmpty, head.headerFields[.contentType] == nil {
            head.headerFields[.contentType] = "text/plain"
        }
        self.init(head, body: ByteBuffer(string: reply.body))
    }
}
