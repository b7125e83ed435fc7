// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import Hummingbird
public import MeshCore
import MeshHTTP
public import MeshIdentity
import MeshSecurity
public import NIOCore
public import NIOPosix
public import ServiceMesh

/// The mesh in front of a Hummingbird application's routes, over HTTP/1.1 and HTTP/2.
///
/// It answers the health paths, takes the trace and the deadline from the caller, sheds load, authorizes the request by
/// the certificate of its connection, applies the inbound listener's faults and rate limit, and writes the record when
/// the response's body has been sent. Calls that the handler makes through the mesh inherit trace and deadline. The
/// handler is cancelled when the deadline passes, which answers 504 once the handler has returned, and when the caller
/// closes its connection or resets its stream. Add it first:
/// ```swift
/// router.add(middleware: MeshMiddleware(mesh: mesh, address: address))
/// ```
public struct MeshMiddleware<Context: MeshRequestContext>: RouterMiddleware {
    private let stack: InboundStack
    private let executors: EventLoopExecutors
    private let identity: WorkloadIdentity?

    /// Creates the middleware.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - address: Where the server listens; the inbound listener of that address applies.
    ///   - configuration: How the server behaves, apart from what the mesh's configuration says.
    ///   - drain: The server's way out, shared with whoever ends it.
    ///   - eventLoopGroup: The server's event loops; handlers run on their connection's.
    ///   - identity: Who this server is: callers whom it would not trust any more are nobody, though their connections and
    ///     sessions are older than that. Default `nil`: whoever was trusted in a handshake stays so until its certificate
    ///     expires.
    public init(
        mesh: Mesh,
        address: EndpointAddress,
        configuration: InboundConfiguration = InboundConfiguration(),
        drain: ServerDrain = ServerDrain(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        identity: WorkloadIdentity? = nil
    ) {
        self.identity = identity
        self.stack = InboundStack(mesh: mesh, address: address, configuration: configuration, drain: drain)
        self.executors = EventLoopExecutors(eventLoopGroup)
    }

    /// Serves a request.
    public func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let served = ServedRequest(head: request.head)
        if let reply = stack.healthReply(to: served) { return Response(localReply: reply) }
        guard !stack.isDisabled else { return try await next(request, context) }
        // All of it stays on the connection's loop, where its deadline is kept and its certificate read, so that what
        // the handler sends through the mesh stays there too.
        return try await withTaskExecutorPreference(executors.executor(of: context.channel.eventLoop)) {
            try await serve(request, served, context, next)
        }
    }

    @concurrent
    private func serve(
        _ request: Request,
        _ served: ServedRequest,
        _ context: Context,
        _ next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        // From the connection's certificate, on every request: a resumed TLS session skips the handshake's checks.
        let proven =
            if let identity {
                await identity.provenIdentity(of: context.channel)
            } else {
                await WorkloadIdentity.peerIdentity(of: context.channel)
            }
        let peer = proven?.description
        let certificate = await ConnectionPeer.certificate(of: context.channel)
        let connection = AuthorizationPeer(of: context.channel, identity: peer, certificate: certificate)
        var call = stack.begin(served)
        let cutoff = HandlingCutoff(
            context.channel,
            executor: executors.executor(of: context.channel.eventLoop)
        )
        await cutoff.watch(timeLeft: stack.timeLeft(call))
        do {
            let handled = try await cutoff.run { [call] in
                // What admission noted (an injected delay, say) belongs in the record of a refusal, too.
                var admitted = call
                do {
                    try stack.refuseSecrets(admitted)
                    var head = served
                    try await stack.admit(&head, peer: connection, context: &admitted)
                    // What filters wrote into the request, and without what they took out of it.
                    let passed = Request(head: head.head, body: request.body)
                    let response = try await stack.handling(
                        admitted,
                        peerIdentity: peer,
                        peerCertificate: connection.certificate
                    ) {
                        try await next(passed, context)
                    }
                    return (outcome: Result<Response, any Error>.success(response), call: admitted)
                } catch {
                    return (outcome: .failure(error), call: admitted)
                }
            }
            call = handled.call
            var response = try handled.outcome.get()
            // Over HTTP/2 the exchange says so at its end.
            if stack.drain.isDraining, context.channel.parent?.parent == nil {
                response.headers[.connection] = "close"
            }
            return response.reporting(
                to: ServedExchange(
                    stack: stack,
                    context: call,
                    peerIdentity: peer,
                    status: response.status.code,
                    cutoff: cutoff
                )
            )
        } catch let error as MeshError where error.localReply != nil && error.origin != .upstream {
            cutoff.release()
            stack.end(call, status: error.localReply?.status ?? 503, peerIdentity: peer, error: error)
            return Response(localReply: error.localReply ?? LocalReply(status: 503))
        } catch {
            cutoff.release()
            let status =
                cutoff.error?.code.httpStatus ?? (error as? any HTTPResponseError)?.status.code ?? 500
            stack.end(call, status: status, peerIdentity: peer, error: error)
            throw error
        }
    }
}

extension Response {
    /// The answer that the mesh gives in place of the handler.
    fileprivate init(localReply reply: LocalReply) {
        var headers = HTTPFields()
        for header in reply.headers {
            guard let name = HTTPField.Name(header.name.lowercased) else { continue }
            headers.append(HTTPField(name: name, value: header.value))
        }
        if headers[.contentType] == nil { headers[.contentType] = "text/plain" }
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
            let writer = writer
            try await exchange.write { try await body.write(writer) }
        }
        return response
    }
}
