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
    let stack: InboundStack?
    let protection: ServerProtection
    private let peerIdentity: (@Sendable (any Channel) async -> String?)?
    private let responder: InboundResponder

    /// Tells of a caller that was refused before it could ask for anything.
    func noticed(_ refusal: PeerRefusal) {
        stack?.noticed(refusal)
    }

    init(
        configuration: MeshHTTPServer.Configuration,
        drain: ServerDrain,
        stack: InboundStack?,
        peerIdentity: (@Sendable (any Channel) async -> String?)?,
        responder: InboundResponder
    ) {
        self.configuration = configuration
        self.drain = drain
        self.executors = EventLoopExecutors(configuration.eventLoopGroup)
        self.stack = stack
        self.protection = ServerProtection(stack, always: configuration.security, own: configuration.mutualTLS)
        self.peerIdentity = peerIdentity
        self.responder = responder
    }

    convenience init(
        configuration: MeshHTTPServer.Configuration,
        drain: ServerDrain,
        stack: InboundStack?,
        peerIdentity: (@Sendable (any Channel) async -> String?)?,
        handler: @escaping @Sendable (InboundRequest) async throws -> InboundResponse
    ) {
        self.init(
            configuration: configuration,
            drain: drain,
            stack: stack,
            peerIdentity: peerIdentity,
            responder: .response(handler)
        )
    }

    /// Who is at the other end of a request's connection: whom the application says, who judges certificates, or else what
    /// stands in the certificate that the connection's TLS has verified.
    private func connection(of channel: any Channel, isSecure: Bool) async -> AuthorizationPeer {
        // To find out that there is no certificate would cost more than all the rest.
        let reading = isSecure ? await ConnectionPeer.record(of: channel) : nil
        var peer: AuthorizationPeer
        if let peerIdentity {
            peer = AuthorizationPeer(of: channel, identity: await peerIdentity(channel), certificate: reading?.peer)
        } else {
            peer = AuthorizationPeer(of: channel, certificate: reading.flatMap { isMeantNow($0) ? $0.peer : nil })
        }
        peer.isSecured = isSecure
        return peer
    }

    /// Whether a certificate is one of those that are meant by the secrets that the configuration names now: names and
    /// lists may be others than those that the connection began with.
    private func isMeantNow(_ reading: ConnectionPeer.Reading) -> Bool {
        guard let place = stack?.protection.secrets else { return true }
        do throws(PeerNames.NotAccepted) {
            try protection.contexts.names(of: place)?.check(reading.parsed, at: ParsedCertificate.now)
            return true
        } catch {
            noticed(PeerRefusal(role: .client, reason: error.reason, message: error.description))
            return false
        }
    }

    /// Serves one request, from its head to the last byte of its response.
    func serve(_ exchange: ExchangeReference, _ head: ReceivedHead, _ channel: any Channel) async {
        guard let stack else {
            drain.requestStarted()
            defer { drain.requestEnded() }
            let peer = await connection(of: channel, isSecure: head.isSecure)
            _ = await respond(exchange, head, peer, channel)
            return
        }
        if let reply = stack.healthReply(to: head) {
            // Whoever asked may be gone; there is nobody else to tell.
            try? await exchange.send(InboundResponse(localReply: reply))
            return
        }
        let connection = await connection(of: channel, isSecure: head.isSecure)
        let peer = connection.identity
        guard !stack.isDisabled else {
            drain.requestStarted()
            defer { drain.requestEnded() }
            _ = await respond(exchange, head, connection, channel)
            return
        }
        var call = stack.begin(head, isRPC: isRPC(head))
        if let timeLeft = stack.timeLeft(call) { exchange.limit(to: timeLeft) }
        let ending: InboundEnding
        do {
            var admitted = head
            try await stack.admit(&admitted, peer: connection, context: &call)
            let certificate = connection.certificate
            ending = try await stack.handling(call, peerIdentity: peer, peerCertificate: certificate) {
                [admitted] in
                await self.respond(exchange, admitted, connection, channel)
            }
        } catch let refusal {
            ending = await answer(exchange, head, peer) { _ in throw refusal }
        }
        stack.end(
            call,
            status: ending.status,
            rpcStatus: ending.rpcStatus,
            messageBytes: ending.messageBytes,
            peerIdentity: peer,
            error: ending.error
        )
    }

    /// Whether a request is a call of gRPC to a server that speaks it.
    private func isRPC(_ head: ReceivedHead) -> Bool {
        guard case .call = responder else { return false }
        return head.head.headerFields[.contentType].map(LocalReply.isGRPC) ?? false
    }

    /// Lets the application answer.
    /// - Returns: How the caller was answered, and what went wrong.
    private func respond(
        _ exchange: ExchangeReference,
        _ head: ReceivedHead,
        _ peer: AuthorizationPeer,
        _ channel: any Channel
    ) async -> InboundEnding {
        switch responder {
        case .response(let handler):
            return await answer(exchange, head, peer.identity) { try await handler($0) }
        case .call(let handler):
            let call = InboundCall(
                head: head.head,
                body: InboundBody(exchange: exchange),
                peer: peer,
                channel: channel,
                isHTTP2: head.isHTTP2,
                exchange: exchange
            )
            var ending = await handler(call)
            // The exchange answers for a handler that was cut off, whatever that says.
            if let cut = await exchange.cut() {
                ending.error = cut.error
                if ending.rpcStatus != nil { ending.rpcStatus = cut.error.rpcStatus }
            }
            exchange.abort()
            return ending
        }
    }

    /// Calls a handler and sends what it answers.
    /// - Returns: How the caller was answered, and what went wrong.
    private func answer(
        _ exchange: ExchangeReference,
        _ head: ReceivedHead,
        _ peer: String?,
        _ handler: (InboundRequest) async throws -> InboundResponse
    ) async -> InboundEnding {
        var status: Int?
        do {
            let request = InboundRequest(head: head.head, body: InboundBody(exchange: exchange), peerIdentity: peer)
            let response = try await handler(request)
            status = response.head.status.code
            try await exchange.send(response)
            return InboundEnding(status: response.head.status.code)
        } catch {
            if let cut = await exchange.cut() {
                let status = status ?? cut.error.localReply?.status ?? cut.error.code.httpStatus
                return InboundEnding(status: status, error: cut.error)
            }
            // Behind the head nothing can be said any more but by the end of the connection, and that is said.
            if let status { return InboundEnding(status: status, error: error) }
            let reply = (error as? MeshError).flatMap { $0.origin == .upstream ? nil : $0.localReply }
            let response = await adapted(exchange, reply, of: error)
            try? await exchange.send(response)
            return InboundEnding(
                status: response.head.status.code,
                rpcStatus: response.rpcStatus,
                error: error
            )
        }
    }

    /// An answer of the mesh's in the form that the caller understands.
    private func adapted(
        _ exchange: ExchangeReference,
        _ reply: LocalReply?,
        of error: any Error
    ) async -> InboundResponse {
        guard await exchange.isGRPC() else {
            return reply.map { InboundResponse(localReply: $0) } ?? InboundResponse(status: .internalServerError)
        }
        // Without an answer of its own it is the handler's failure: UNKNOWN, as gRPC's servers say.
        let status = reply == nil ? 2 : (error as? MeshError)?.rpcStatus
        return InboundResponse(localReply: (reply ?? LocalReply(status: 500)).inGRPC(status: status))
    }
}
