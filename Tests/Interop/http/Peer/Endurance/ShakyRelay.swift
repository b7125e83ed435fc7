// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A network between client and server that fails: it passes bytes on, and now and then breaks a connection, with or
/// without a reset, in the middle of whatever is on its way.
struct ShakyRelay: Sendable {
    let address: EndpointAddress
    private let listener: any Channel

    /// - Parameter breakOneIn: Of so many pieces that pass, one breaks its connection on average.
    init(to target: EndpointAddress, breakOneIn: UInt64, random: MeshRandom) async throws {
        self.listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { near in
                let end = NIOLoopBound(RelayEnd(breakOneIn, random), eventLoop: near.eventLoop)
                return ClientBootstrap(group: near.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .connect(host: target.host, port: Int(target.port ?? 0))
                    .flatMapThrowing { far in
                        let other = RelayEnd(breakOneIn, random)
                        end.value.partner = far
                        other.partner = near
                        try far.pipeline.syncOperations.addHandler(other)
                        try near.pipeline.syncOperations.addHandler(end.value)
                        far.read()
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.address = EndpointAddress(
            host: "127.0.0.1",
            port: UInt16(exactly: listener.localAddress?.port ?? 0) ?? 0
        )
    }

    func close() async throws {
        try await listener.close().get()
    }
}

/// One side of a connection through the relay. Both sides live on one event loop.
private final class RelayEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let breakOneIn: UInt64
    private let random: MeshRandom
    var partner: (any Channel)?

    init(_ breakOneIn: UInt64, _ random: MeshRandom) {
        self.breakOneIn = breakOneIn
        self.random = random
    }

    func channelActive(context: ChannelHandlerContext) {
        context.read()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let partner else { return context.close(promise: nil) }
        var bytes = unwrapInboundIn(data)
        guard random.below(breakOneIn) == 0 else {
            // The next piece is read when this one has gone.
            let channel = context.channel
            partner.writeAndFlush(bytes).assumeIsolated().whenSuccess { channel.read() }
            return
        }
        if random.below(2) == 0, let part = bytes.readSlice(length: bytes.readableBytes / 2) {
            partner.writeAndFlush(part, promise: nil)
        }
        if random.below(2) == 0 {
            for case let socket as any SocketOptionProvider in [context.channel, partner] {
                _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            }
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.close(promise: nil)
        partner = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
