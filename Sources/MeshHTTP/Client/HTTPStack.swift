// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
package import MeshCore
import NIOCore
import ServiceMesh

/// The outbound stack, fixed to HTTP: the one place where its generic layers are specialised.
package struct HTTPStack: Sendable {
    /// What a request has led to.
    package enum Opened: Sendable {
        /// A response whose exchange is to be finished.
        case exchange(OutboundResponse, CallContext)
        /// An answer that the mesh gives by itself; there is nothing to finish.
        case reply(OutboundResponse)
    }

    /// Our own transport is known to the compiler, which makes one piece of all layers; any other costs a call.
    private enum Assembly: Sendable {
        case own(OutboundStack<HTTPTransport>)
        case foreign(OutboundStack<AnyHTTPTransport>)
    }

    private let mesh: Mesh
    private let assembly: Assembly

    init(
        mesh: Mesh,
        transport: any Transport<OutboundRequest, OutboundResponse>,
        requestMiddleware: [any Middleware<OutboundRequest, OutboundResponse>],
        attemptMiddleware: [any Middleware<OutboundRequest, OutboundResponse>]
    ) {
        self.mesh = mesh
        if let own = transport as? HTTPTransport {
            mesh.add(own.pools)
            self.assembly = .own(
                OutboundStack(
                    mesh: mesh,
                    leaf: own,
                    requestMiddleware: requestMiddleware,
                    attemptMiddleware: attemptMiddleware
                )
            )
        } else {
            self.assembly = .foreign(
                OutboundStack(
                    mesh: mesh,
                    leaf: AnyHTTPTransport(transport),
                    requestMiddleware: requestMiddleware,
                    attemptMiddleware: attemptMiddleware
                )
            )
        }
    }

    /// Sends a request and returns at the response's head.
    ///
    /// Concurrent, so that callers on the main actor leave it; a task that prefers an event loop stays on its loop.
    @concurrent
    package func open(_ request: OutboundRequest, timeout: Duration?) async throws -> Opened {
        let deadline = timeout.map { Deadline(Nanoseconds($0), after: mesh.clock.now) }
        var context = mesh.makeContext(deadline: deadline ?? .never)
        do {
            let response =
                switch assembly {
                case .own(let stack): try await stack.send(request, context: &context)
                case .foreign(let stack): try await stack.send(request, context: &context)
                }
            return .exchange(response, context)
        } catch let error as MeshError {
            guard let reply = error.localReply else { throw error }
            return .reply(OutboundResponse(reply))
        }
    }

    /// Ends the exchange of a response.
    package func finish(_ context: CallContext, _ ending: ExchangeEnding) {
        var context = context
        switch assembly {
        case .own(let stack): stack.finish(&context, ending)
        case .foreign(let stack): stack.finish(&context, ending)
        }
    }
}

/// A transport of any type.
struct AnyHTTPTransport: Transport {
    private let transport: any Transport<OutboundRequest, OutboundResponse>

    init(_ transport: any Transport<OutboundRequest, OutboundResponse>) {
        self.transport = transport
    }

    func send(_ request: OutboundRequest, context: inout CallContext) async throws -> OutboundResponse {
        try await transport.send(request, context: &context)
    }

    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        transport.finish(&context, ending)
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
