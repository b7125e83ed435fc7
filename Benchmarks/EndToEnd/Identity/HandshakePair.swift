// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshIdentity
import NIOCore
import NIOPosix
import NIOSSL

/// A server, and clients that connect to it one after another, wait for one byte, and leave.
struct HandshakePair {
    private let listener: any Channel
    private let makeClient: @Sendable () throws -> NIOSSLClientHandler
    private let group: MultiThreadedEventLoopGroup

    init(_ judge: HandshakesCommand.Judge, authority: BenchmarkAuthority, in folder: String) async throws {
        let makeServer: @Sendable () throws -> NIOSSLServerHandler
        switch judge {
        case .mesh:
            let server = try await authority.identity(BenchmarkAuthority.server)
            let client = try await authority.identity(BenchmarkAuthority.client)
            makeServer = { try server.makeServerHandler(applicationProtocols: ["http/1.1"]) }
            makeClient = { try client.makeClientHandler(acceptedIdentities: [BenchmarkAuthority.server]) }
        case .library:
            let server = try NIOSSLContext(configuration: try Self.configuration(authority, BenchmarkAuthority.server))
            let client = try NIOSSLContext(configuration: try Self.configuration(authority, BenchmarkAuthority.client))
            makeServer = { NIOSSLServerHandler(context: server) }
            makeClient = { try NIOSSLClientHandler(context: client, serverHostname: nil) }
        }
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(makeServer(), Echo())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private static func configuration(_ authority: BenchmarkAuthority, _ name: String) throws -> TLSConfiguration {
        let files = try authority.proxyIdentity(name)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateChain = [.certificate(try NIOSSLCertificate(file: files.certificate, format: .pem))]
        configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: files.certificate, format: .pem))
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(files.roots))
        configuration.certificateVerification = .noHostnameVerification
        return configuration
    }

    /// Shakes hands so many times.
    func shake(_ count: Int) async throws {
        guard let address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
        for _ in 0..<count {
            let answered = group.next().makePromise(of: Void.self)
            let makeClient = makeClient
            let channel = try await ClientBootstrap(group: group)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(makeClient(), Caller(answered))
                    }
                }
                .connect(to: address).get()
            try await answered.futureResult.get()
            try await channel.close().get()
        }
    }

    func close() async throws {
        try await listener.close().get()
        try await group.shutdownGracefully()
    }
}

/// Sends back what comes, which is the proof that the handshake is over at both ends.
private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(data, promise: nil)
    }
}

/// Sends a byte and waits for it.
private final class Caller: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answered: EventLoopPromise<Void>

    init(_ answered: EventLoopPromise<Void>) {
        self.answered = answered
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [1])), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        answered.succeed()
    }

    func channelInactive(context: ChannelHandlerContext) {
        answered.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answered.fail(error)
        context.close(promise: nil)
    }
}
