// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOTLS

/// Brings a connected channel to the point where it speaks HTTP: through a proxy, through TLS, to the version that was
/// asked for or found by ALPN. Then it makes room for the connection's driver.
///
/// Exactly one of two things follows: a driver is activated, or the owner hears that connecting has failed.
final class ConnectionSetup: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Step {
        case waiting
        case proxy(ProxyReply)
        case handshake
        case over
    }

    private let endpoint: Endpoint
    private let tls: ClientTLS?
    private let proxy: EndpointAddress?
    private let configuration: HTTPTransport.Configuration
    private let owner: any ConnectionOwner
    private let id: Int
    private let dialedAt: MeshInstant
    private var step = Step.waiting
    private var timeout: Scheduled<Void>?

    init(
        endpoint: Endpoint,
        tls: ClientTLS?,
        proxy: EndpointAddress?,
        configuration: HTTPTransport.Configuration,
        owner: any ConnectionOwner,
        id: Int,
        dialedAt: MeshInstant
    ) {
        self.endpoint = endpoint
        self.tls = tls
        self.proxy = proxy
        self.configuration = configuration
        self.owner = owner
        self.id = id
        self.dialedAt = dialedAt
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard tls != nil || proxy != nil else { return speak(negotiated: nil, context) }
        let left = dialedAt.advanced(by: endpoint.connectTimeout).elapsed(since: configuration.clock.now)
        timeout = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(left)) {
            self.fail(ChannelError.connectTimeout(TimeAmount(self.endpoint.connectTimeout)), context)
        }
        if let proxy { ask(proxy, context) } else { secure(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A channel that is closed as soon as it is connected, before that was told, is never told to be inactive.
        fail(ChannelError.eof, context)
    }

    // MARK: Proxy

    private func ask(_ proxy: EndpointAddress, _ context: ChannelHandlerContext) {
        step = .proxy(ProxyReply())
        // Whoever names a proxy for an endpoint would else be told the secret of the one that was configured here.
        let authorization = proxy == configuration.proxy ? configuration.proxyAuthorization : nil
        let request = ProxyRequest(to: endpoint.address, authorization: authorization)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request.text)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .proxy(var reply) = step else { return context.fireChannelRead(data) }
        step = .waiting
        switch reply.received(unwrapInboundIn(data)) {
        case .incomplete: step = .proxy(reply)
        case .refused(let refusal): fail(refusal, context)
        case .accepted(let rest):
            secure(context)
            // Whoever speaks first behind the proxy may have done so.
            if rest.readableBytes > 0 { context.pipeline.fireChannelRead(rest) }
        }
    }

    // MARK: TLS

    private func secure(_ context: ChannelHandlerContext) {
        guard let tls else { return speak(negotiated: nil, context) }
        step = .handshake
        do {
            try context.pipeline.syncOperations.addHandler(tls.makeHandler(endpoint), position: .before(self))
        } catch {
            fail(error, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshake = step, case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            speak(negotiated: negotiated, context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: HTTP

    private func speak(negotiated: String?, _ context: ChannelHandlerContext) {
        step = .over
        timeout?.cancel()
        let pipeline = context.pipeline.syncOperations
        do {
            let isSecured = tls != nil
            let driver: any ConnectionDriver =
                if endpoint.speaksHTTP2(negotiated: negotiated) {
                    try pipeline.addHTTP2(configuration, endpoint.connection, isSecured: isSecured)
                } else {
                    try pipeline.addHTTP1(configuration, isSecured: isSecured)
                }
            pipeline.removeHandler(self, promise: nil)
            driver.activate(for: owner, as: id, dialedAt: dialedAt)
        } catch {
            owner.connectFailed(id, cause: error)
            context.close(promise: nil)
        }
    }

    // MARK: Failure

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        guard case .over = step else {
            step = .over
            timeout?.cancel()
            owner.connectFailed(id, cause: error)
            return context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof, context)
        context.fireChannelInactive()
    }
}

extension Endpoint {
    /// - Parameter negotiated: What ALPN found; `nil` without TLS, and if the peer knows no ALPN.
    fileprivate func speaksHTTP2(negotiated: String?) -> Bool {
        switch connection.httpVersion {
        case .http1: false
        // Like Envoy: who was told that the peer speaks it needs no ALPN to believe it.
        case .http2: true
        case .automatic: negotiated == "h2"
        }
    }
}
