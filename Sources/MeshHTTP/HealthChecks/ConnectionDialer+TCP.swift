// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import NIOCore
import NIOPosix
import NIOTLS
import ServiceMesh

extension ConnectionDialer {
    /// Connects to a probe's endpoint, through TLS where it has that, and sees whether what is expected comes back.
    ///
    /// The connection is closed in any case. Envoy's stays where something is expected.
    func connect(_ probe: HealthProbe, _ check: HealthCheck.TCP) async throws -> HealthProbeResult {
        let loop = configuration.eventLoopGroup.next()
        let outcome = loop.makePromise(of: HealthProbeResult.self)
        let closing = loop.makePromise(of: Void.self)
        tls(for: probe.endpoint, on: loop).flatMap { tls in
            connect(to: probe.endpoint, on: loop).flatMapThrowing { channel in
                // As for requests: the channel became active just now, on this loop.
                let pipeline = channel.pipeline.syncOperations
                if let tls { try pipeline.addHandler(tls.makeHandler(probe.endpoint)) }
                let conversation = TCPHealthConversation(check, isSecured: tls != nil, outcome: outcome)
                try pipeline.addHandler(conversation)
                closing.futureResult.whenComplete { _ in channel.close(promise: nil) }
            }
        }.whenFailure { error in
            outcome.succeed(.failed(.init(.network, "\(error)")))
        }
        let result = await withTaskCancellationHandler {
            try? await outcome.futureResult.get()
        } onCancel: {
            outcome.succeed(.failed(.init(.timeout, "no answer in time")))
        }
        closing.succeed()
        return result ?? .failed(.init(.network, "no answer"))
    }
}

/// Sends what a check says, and waits for what it expects.
private final class TCPHealthConversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let check: HealthCheck.TCP
    private let isSecured: Bool
    private let outcome: EventLoopPromise<HealthProbeResult>
    private var received = ByteBuffer()

    init(_ check: HealthCheck.TCP, isSecured: Bool, outcome: EventLoopPromise<HealthProbeResult>) {
        self.check = check
        self.isSecured = isSecured
        self.outcome = outcome
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // The handshake is a part of the connection.
        if !isSecured { begin(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { begin(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !check.receive.isEmpty else { return outcome.succeed(.healthy) }
        guard !check.send.isEmpty else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: check.send)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        let room = HealthCheck.TCP.maximumAnswer - received.readableBytes
        if var part = bytes.readSlice(length: min(room, bytes.readableBytes)) { received.writeBuffer(&part) }
        if check.isAnswered(by: received.readableBytesView) { return outcome.succeed(.healthy) }
        guard received.readableBytes >= HealthCheck.TCP.maximumAnswer else { return }
        outcome.succeed(.failed(.init(.network, "the answer is not in its first \(received.readableBytes) bytes")))
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        outcome.succeed(.failed(.init(.network, "\(error)")))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        // Of several outcomes the first one counts.
        outcome.succeed(.failed(.init(.network, "the connection was closed")))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        outcome.succeed(.failed(.init(.network, "the connection was closed")))
    }
}
