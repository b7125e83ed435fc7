// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HummingbirdCore
import HummingbirdHTTP2
import Logging
import MeshHTTP
import NIOCore
import NIOTLS
import ServiceMesh

/// Hummingbird's HTTP/1.1 and HTTP/2, on connections that are protected as the mesh's configuration wants it when they come.
struct MeshServerChannel: ServerChildChannel {
    /// What a connection speaks, once that is known.
    enum Spoken: Sendable {
        case http1(HTTP1Channel.Value)
        case http2(HTTP2Channel.Value)
    }

    struct Value: ServerChildChannelValue {
        let spoken: EventLoopFuture<Spoken>
        let channel: any Channel
    }

    private let http1: HTTP1Channel
    private let http2: HTTP2Channel
    private let protection: ServerProtection
    private let connections = ServerConnections(maximum: .max)
    private let follower: ProtectionFollower

    init(_ stack: InboundStack, own: ServerTransportSecurity, responder: @escaping HTTPChannelHandler.Responder) {
        http1 = HTTP1Channel(responder: responder, configuration: .init())
        // A connection that nobody uses is not kept for ever, and none outlives a drain for long.
        let limits = HTTP2Channel.Configuration(idleTimeout: .seconds(3600), gracefulCloseTimeout: .seconds(30))
        http2 = HTTP2Channel(responder: responder, configuration: limits)
        let protection = ServerProtection(stack, always: nil, own: own)
        self.protection = protection
        follower = ProtectionFollower(stack, protection, connections)
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        guard connections.admit(channel) else {
            return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            // It holds back what comes until the protocol's handlers stand behind it.
            let negotiation = NIOTypedApplicationProtocolNegotiationHandler<Spoken> { result in
                switch result {
                case .negotiated("h2"): http2.setup(channel: channel, logger: logger).map { .http2($0) }
                case .negotiated, .fallback: http1.setup(channel: channel, logger: logger).map { .http1($0) }
                }
            }
            switch protection.current {
            case .tls(let security):
                try note(channel, isSecure: true)
                try protection.protect(channel, by: security)
            case .plaintext:
                try note(channel, isSecure: false)
                try pipeline.addHandler(plaintextDetector(channel))
            case .either(let security):
                let end = DetectionEnd()
                let detector = TransportDetector { isTLS in
                    try note(channel, isSecure: isTLS)
                    if isTLS {
                        try protection.protect(channel, by: security, behind: end)
                    } else {
                        try pipeline.addHandler(plaintextDetector(channel), position: .after(end))
                    }
                }
                try pipeline.addHandlers(detector, end)
            }
            try pipeline.addHandler(negotiation)
            return Value(spoken: negotiation.protocolNegotiationResult, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.spoken.get() {
            case .http1(let connection): await http1.handle(value: connection, logger: logger)
            case .http2(let connection): await http2.handle(value: connection, logger: logger)
            }
        } catch {
            logger.debug("connection ended before it was known what it speaks", metadata: ["error": "\(error)"])
        }
    }

    /// First noted, then asked: a configuration that comes in between finds the connection, or is found by it.
    private func note(_ channel: any Channel, isSecure: Bool) throws {
        connections.note(channel, isSecure: isSecure)
        guard protection.current.takes(secured: isSecure) else { throw ChannelError.eof }
    }

    /// Without TLS the first bytes say which protocol it is, and the negotiation is told as if TLS had said so.
    private func plaintextDetector(_ channel: any Channel) -> ServerProtocolDetector {
        ServerProtocolDetector { isHTTP2 in
            let event = TLSUserEvent.handshakeCompleted(negotiatedProtocol: isHTTP2 ? "h2" : nil)
            channel.pipeline.fireUserInboundEventTriggered(event)
        }
    }
}

/// Marks the place in a pipeline where what was detected goes.
private final class DetectionEnd: ChannelInboundHandler {
    typealias InboundIn = NIOAny
}
