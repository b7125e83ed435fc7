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
    private let handler: @Sendable (InboundRequest) async throws -> InboundResponse

    /// Tells of a caller that was refused before it could ask for anything.
    func noticed(_ refusal: PeerRefusal) {
        stack?.noticed(refusal)
    }

    init(
        configuration: MeshHTTPServer.Configuration,
        drain: ServerDrain,
        stack: InboundStack?,
        peerIdentity: (@Sendable (any Channel) async -> String?)?,
        handler: @escaping @Sendable (InboundRequest) async throws -> InboundResponse
    ) {
        self.configuration = configuration
        self.drain = drain
        self.executors = EventLoopExecutors(configuration.eventLoopGroup)
        self.stack = stack
        self.protection = ServerProtection(stack, always: configuration.security, own: configuration.mutualTLS)
        self.peerIdentity = peerIdentity
        self.handler = handler
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
            let peer = await connection(of: channel, isSecure: head.isSecure).identity
            _ = await answer(exchange, head, peer) { try await self.handler($0) }
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
            _ = await answer(exchange, head, peer) { try await self.handler($0) }
            return
        }
        var call = stack.begin(head)
        if let timeLeft = stack.timeLeft(call) { exchange.limit(to: timeLeft) }
        let (status, error): (Int, (any Error)?)
        do {
            var admitted = head
            try await stack.admit(&admitted, peer: connection, context: &call)
            let certificate = connection.certificate
            (status, error) = try await stack.handling(call, peerIdentity: peer, peerCertificate: certificate) {
                [admitted] in
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
