// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import Hummingbird
public import MeshCore
import MeshHTTP
import MeshIdentity
import MeshSecurity
public import NIOCore
public import NIOPosix
public import ServiceMesh

/// The mesh in front of a Hummingbird application's routes.
///
/// It takes the trace and the deadline from the caller, authorizes the request by the certificate of its connection,
/// applies the inbound listener's faults and rate limit, and writes the record when the response's body has been sent.
/// Calls that the handler makes through the mesh inherit trace and deadline. Add it first:
/// ```swift
/// router.add(middleware: MeshMiddleware(mesh: mesh, address: address))
/// ```
public struct MeshMiddleware<Context: MeshRequestContext>: RouterMiddleware {
    private let stack: InboundStack
    private let executors: EventLoopExecutors

    /// Creates the middleware.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - address: Where the server listens; the inbound listener of that address applies.
    ///   - eventLoopGroup: The server's event loops; handlers run on their connection's.
    public init(
        mesh: Mesh,
        address: EndpointAddress,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.stack = InboundStack(mesh: mesh, address: address)
        self.executors = EventLoopExecutors(eventLoopGroup)
    }

    /// Serves a request.
    public func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard !stack.isDisabled else { return try await next(request, context) }
        let served = ServedRequest(head: request.head)
        // From the connection's certificate, on every request: a resumed TLS session skips the handshake's checks.
        let peer = await WorkloadIdentity.peerIdentity(of: context.channel)?.description
        var call = stack.begin(served)
        do {
            try await stack.admit(served, peerIdentity: peer, context: &call)
            // Handlers stay on the connection's loop, so that what they send through the mesh stays there too.
            let response = try await withTaskExecutorPreference(
                executors.executor(of: context.channel.eventLoop)
            ) {
                try await stack.handling(call, peerIdentity: peer) { try await next(request, context) }
            }
            return response.reporting(
                to: ServedExchange(stack: stack, context: call, peerIdentity: peer, status: response.status.code)
            )
        } catch let error as MeshError where error.localReply != nil && error.origin != .upstream {
            stack.end(call, status: error.localReply?.status ?? 503, peerIdentity: peer, error: error)
            return Response(localReply: error.localReply ?? LocalReply(status: 503))
        } catch {
            let status = (error as? any HTTPResponseError)?.status.code ?? 500
            stack.end(call, status: status, peerIdentity: peer, error: error)
            throw error
        }
    }
}

extension Response {
    /// The answer that the mesh gives in place of the handler.
    fileprivate init(localReply reply: LocalReply) {
        var headers = HTTPFields()
        headers[.contentType] = "text/plain"
        for header in reply.headers {
            if let name = HTTPField.Name(header.name.lowercased) { headers[name] = header.value }
        }
        self.init(
            status: HTTPResponse.Status(code: reply.status),
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: reply.body))
        )
    }

    /// The same response, which closes its record when its body has been written.
    fileprivate func reporting(to exchange: ServedExchange) -> Response {
        var response = self
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            do {
                try await body.write(writer)
                exchange.end(error: nil)
            } catch {
                exchange.end(error: error)
                throw error
            }
        }
        return response
    }
}
