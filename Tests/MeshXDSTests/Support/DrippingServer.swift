// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix
import Synchronization

/// A server that speaks as much HTTP/2 as it takes to be slow: it accepts connections, and says nothing on them, or takes
/// the first stream of each and sends one gRPC message on it, byte by byte.
final class DrippingServer: Sendable {
    /// How it treats a connection.
    enum Manner: Sendable {
        /// It accepts and never says a word.
        case mute
        /// It opens the stream, and sends these bytes one by one until it is told to hurry.
        case drip([UInt8])
    }

    private struct State {
        var isHurried = false
        var drips: [Drip] = []
    }

    fileprivate let manner: Manner
    private let state = Mutex(State())

    init(_ manner: Manner) {
        self.manner = manner
    }

    /// A message as gRPC frames it.
    static func framed(_ message: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = UInt32(length ?? message.count)
        return [0] + stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: length >> $0) } + message
    }

    /// Sends all that is left at once, on every stream.
    func hurry() {
        let drips = state.withLock { state in
            state.isHurried = true
            return state.drips
        }
        for drip in drips { drip.hurry() }
    }

    fileprivate func opened(_ drip: Drip) {
        let isHurried = state.withLock { state in
            state.drips.append(drip)
            return state.isHurried
        }
        if isHurried { drip.hurry() }
    }

    /// Runs `body` beside the server.
    func serving(_ body: (EndpointAddress) async throws -> Void) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DrippingConnection(self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let port = UInt16(clamping: listener.localAddress?.port ?? 0)
            try await body(EndpointAddress(host: "127.0.0.1", port: port))
            try await listener.close()
        } catch {
            try? await listener.close()
            throw error
        }
    }
}

/// What is being sent on a stream. Its state belongs to the channel's event loop.
private final class Drip: Sendable {
    private let rest: NIOLoopBound<Rest>
    private let channel: any Channel
    private let stream: [UInt8]

    final class Rest {
        var bytes: ArraySlice<UInt8>
        var task: RepeatedTask?

        init(_ bytes: [UInt8]) { self.bytes = bytes[...] }
    }

    init(_ bytes: [UInt8], on channel: any Channel, stream: [UInt8]) {
        rest = NIOLoopBound(Rest(bytes), eventLoop: channel.eventLoop)
        self.channel = channel
        self.stream = stream
    }

    func begin() {
        rest.value.task = channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(20)) { _ in
            // The last bytes wait for the hurry: however slow the machine is, the message is not whole before.
            if self.rest.value.bytes.count > 16 { self.send(1) }
        }
    }

    func hurry() {
        channel.eventLoop.execute {
            self.rest.value.task?.cancel()
            while !self.rest.value.bytes.isEmpty { self.send(8192) }
        }
    }

    private func send(_ count: Int) {
        let part = rest.value.bytes.prefix(count)
        rest.value.bytes = rest.value.bytes.dropFirst(count)
        guard channel.isActive, !part.isEmpty else { return }
        let frame = DrippingConnection.frame(type: 0, flags: 0, stream: stream, Array(part))
        channel.writeAndFlush(channel.allocator.buffer(bytes: frame), promise: nil)
    }
}

/// The frames of HTTP/2 that a stream needs (RFC 9113 §6), read and written by hand.
private final class DrippingConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let preface = 24
    private let server: DrippingServer
    private var received: [UInt8] = []
    private var hasPreface = false
    private var isOpened = false

    init(_ server: DrippingServer) {
        self.server = server
    }

    static func frame(type: UInt8, flags: UInt8, stream: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count
        let head = [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
        return head + stream + payload
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .drip(let bytes) = server.manner else { return }
        received += unwrapInboundIn(data).readableBytesView
        if !hasPreface {
            guard received.count >= Self.preface else { return }
            received.removeFirst(Self.preface)
            hasPreface = true
            write(Self.frame(type: 4, flags: 0, stream: [0, 0, 0, 0], []), context)
        }
        while received.count >= 9 {
            let length = Int(received[0]) << 16 | Int(received[1]) << 8 | Int(received[2])
            guard received.count >= 9 + length else { return }
            let (type, flags, stream) = (received[3], received[4], Array(received[5..<9]))
            let payload = Array(received[9..<9 + length])
            received.removeFirst(9 + length)
            switch type {
            case 4 where flags & 1 == 0: write(Self.frame(type: 4, flags: 1, stream: [0, 0, 0, 0], []), context)
            case 6 where flags & 1 == 0: write(Self.frame(type: 6, flags: 1, stream: stream, payload), context)
            case 1 where !isOpened:
                isOpened = true
                // `:status: 200` from the static table, and `content-type` with its value as it is.
                let fields = [0x88, 0x0F, 0x10, 16] + Array("application/grpc".utf8)
                write(Self.frame(type: 1, flags: 4, stream: stream, fields), context)
                let drip = Drip(bytes, on: context.channel, stream: stream)
                drip.begin()
                server.opened(drip)
            default: break
            }
        }
    }

    private func write(_ frame: [UInt8], _ context: ChannelHandlerContext) {
        context.channel.writeAndFlush(context.channel.allocator.buffer(bytes: frame), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
