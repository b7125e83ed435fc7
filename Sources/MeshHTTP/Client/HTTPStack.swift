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
        case exchange(OutboundResponse)
        /// An answer that the mesh gives by itself; there is nothing to finish.
        case reply(OutboundResponse)
    }

    /// Our own transport is known to the compiler, which makes one piece of all layers; any other costs a call.
    private enum Assembly: Sendable {
        case own(Layers<HTTPTransport>)
        case foreign(Layers<AnyHTTPTransport>)
    }

    /// Every layer with what it refers to: copied for a request, it would cost more than the request's way through it.
    private final class Layers<Leaf: Transport>: Sendable
    where Leaf.Request == OutboundRequest, Leaf.Response == OutboundResponse {
        let stack: OutboundStack<Leaf>

        init(
            _ mesh: Mesh,
            _ leaf: Leaf,
            _ requestMiddleware: [any Middleware<OutboundRequest, OutboundResponse>],
            _ attemptMiddleware: [any Middleware<OutboundRequest, OutboundResponse>],
            _ sharesPastAttemptMiddleware: Bool
        ) {
            var replay = ResponseReplay.inMemory
            replay.allowsAttemptMiddleware = sharesPastAttemptMiddleware
            self.stack = OutboundStack(
                mesh: mesh,
                leaf: leaf,
                replay: replay,
                requestMiddleware: requestMiddleware,
                attemptMiddleware: attemptMiddleware
            )
        }
    }

    private let mesh: Mesh
    private let assembly: Assembly
    /// Asks endpoints how they are, as long as the stack lives; `nil` where another transport has the connections.
    private let prober: HTTPHealthProber?
    /// Asks endpoints for their load, likewise.
    private let loadReports: HTTPLoadReportSource?
    /// Fetches key sets, likewise.
    private var keySets: HTTPKeySetFetcher?

    init(
        mesh: Mesh,
        transport: any Transport<OutboundRequest, OutboundResponse>,
        requestMiddleware: [any Middleware<OutboundRequest, OutboundResponse>],
        attemptMiddleware: [any Middleware<OutboundRequest, OutboundResponse>],
        sharesPastAttemptMiddleware: Bool
    ) {
        self.mesh = mesh
        if let own = transport as? HTTPTransport {
            mesh.add(own.pools)
            let prober = HTTPHealthProber(own)
            mesh.add(prober)
            self.prober = prober
            let loadReports = HTTPLoadReportSource(own)
            mesh.add(loadReports)
            self.loadReports = loadReports
            mesh.offer(SystemHostResolver())
            self.assembly = .own(
                Layers(mesh, own, requestMiddleware, attemptMiddleware, sharesPastAttemptMiddleware)
            )
            let keySets = HTTPKeySetFetcher(mesh: mesh, transport: own, stack: self)
            mesh.add(keySets)
            self.keySets = keySets
        } else {
            self.prober = nil
            self.loadReports = nil
            self.assembly = .foreign(
                Layers(
                    mesh,
                    AnyHTTPTransport(transport),
                    requestMiddleware,
                    attemptMiddleware,
                    sharesPastAttemptMiddleware
                )
            )
        }
    }

    /// What travels along with one request, from here to the end of its exchange.
    /// - Parameter timeout: How long the whole exchange may take; `nil` for what the route says.
    package func makeContext(timeout: Duration?) -> CallContext {
        mesh.makeContext(deadline: timeout.map { Deadline(Nanoseconds($0), after: mesh.clock.now) } ?? .never)
    }

    /// Sends a request and returns at the response's head.
    ///
    /// Concurrent, so that callers on the main actor leave it; a task that prefers an event loop stays on its loop.
    @concurrent
    package func open(_ request: OutboundRequest, context: inout CallContext) async throws -> Opened {
        do {
            let response =
                switch assembly {
                case .own(let layers): try await layers.stack.send(request, context: &context)
                case .foreign(let layers): try await layers.stack.send(request, context: &context)
                }
            return .exchange(response.paced(context, clock: mesh.clock))
        } catch let error as MeshError {
            // What calls get in its place is a status, which the error has (`MeshError.rpcStatus`).
            guard !context.isRPC, let reply = error.localReply else { throw error }
            return .reply(OutboundResponse(reply))
        }
    }

    /// Ends the exchange of a response.
    package func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        switch assembly {
        case .own(let layers): layers.stack.finish(&context, ending)
        case .foreign(let layers): layers.stack.finish(&context, ending)
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
