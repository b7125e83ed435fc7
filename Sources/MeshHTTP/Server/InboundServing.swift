// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshSecurity
import NIOCore
import ServiceMesh

/// What all connections of a server share: the handler, and the mesh's part before and after it.
final class InboundServing: Sendable {
    let configuration: MeshHTTPServer.Configuration
    let drain: ServerDrain
    let executors: EventLoopExecutors
    private let stack: InboundStack?
    private let contexts = SecretContexts()
    private let peerIdentity: @Sendable (any Channel) async -> String?
    private let handler: @Sendable (InboundRequest) async throws -> InboundResponse

    /// What protects a connection that comes now: the secrets that the mesh's configuration names for the server, or else
    /// what the application said.
    var security: ServerTransportSecurity? {
        stack?.secrets.map { ServerTransportSecurity($0, contexts) } ?? configuration.security
    }

    init(
        configuration: MeshHTTPServer.Configuration,
        drain: ServerDrain,
        stack: InboundStack?,
        peerIdentity: @escaping @Sendable (any Channel) async -> String?,
        handler: @escaping @Sendable (InboundRequest) async throws -> InboundResponse
    ) {
        self.configuration = configuration
        self.drain = drain
        self.executors = EventLoopExecutors(configuration.eventLoopGroup)
        self.stack = stack
        self.peerIdentity = peerIdentity
        self.handler = handler
    }

    /// Serves one request, from its head to the last byte of its response.
    func serve(_ exchange: ExchangeReference, _ head: ReceivedHead, _ channel: any Channel) async {
        guard let stack else {
            drain.requestStarted()
            defer { drain.requestEnded() }
            let peer = await peerIdentity(channel)
            _ = await answer(exchange, head, peer) { try await self.handler($0) }
            return
        }
        if let reply = stack.healthReply(to: head) {
            // Whoever asked may be gone; there is nobody else to tell.
            try? await exchange.send(InboundResponse(localReply: reply))
            return
        }
        let peer = await peerIdentity(channel)
        guard !stack.isDisabled else {
            drain.requestStarted()
            defer { drain.requestEnded() }
            _ = await answer(exchange, head, peer) { try await self.handler($0) }
            return
        }
        var call = stack.begin(head)
        if let timeLeft = stack.timeLeft(call) { exchange.limit(to: timeLeft) }
        let (status, error): (Int, (any Error)?)
        do {
            var admitted = head
            try await stack.admit(&admitted, peer: AuthorizationPeer(of: channel, identity: peer), context: &call)
            (status, error) = try await stack.handling(call, peerIdentity: peer) { [admitted] in
                await self.answer(exchange, admitted, peer) { try await self.handler($0) }
            }
        } catch let refusal {
            (status, error) = await answer(exchange, head, peer) { _ in throw refusal }
        }
        stack.end(call, status: status, peerIdentity: peer, error: error)
    }

    /// Calls a handler and sends what it answers.
    /// - Returns: The status that the caller got, and what went wrong.
    private func answer(
        _ exchange: ExchangeReference,
        _ head: ReceivedHead,
        _ peer: String?,
        _ handler: (InboundRequest) async throws -> InboundResponse
    ) async -> (Int, (any Error)?) {
        var status: Int?
        do {
            let request = InboundRequest(head: head.head, body: InboundBody(exchange: exchange), peerIdentity: peer)
            let response = try await handler(request)
            status = response.head.status.code
            try await exchange.send(response)
            return (response.head.status.code, nil)
        } catch {
            if let cut = await exchange.cut() {
                return (status ?? cut.error.localReply?.status ?? cut.error.code.httpStatus, cut.error)
            }
            // Behind the head nothing can be said any more but by the end of the connection, and that is said.
            if let status { return (status, error) }
            let reply = (error as? MeshError).flatMap { $0.origin == .upstream ? nil : $0.localReply }
            let response =
                reply.map { InboundResponse(localReply: $0) } ?? InboundResponse(status: .internalServerError)
            try? await exchange.send(response)
            return (response.head.status.code, error)
        }
    }
}
