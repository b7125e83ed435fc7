// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

extension LoopbackServer {
    /// One connection of a client's.
    final class Connection {
        private let channel: any Channel
        private let inbox: Inbox
        private var buffer = ByteBuffer()

        init(_ channel: any Channel, _ inbox: Inbox) {
            self.channel = channel
            self.inbox = inbox
        }

        /// The next request's head, up to and without the empty line; `nil` when the client closes.
        func readHead() async throws -> String? {
            try await read(through: "\r\n\r\n").map { String($0.dropLast(2)) }
        }

        /// The next bytes.
        func read(_ count: Int) async throws -> String? {
            while buffer.readableBytes < count {
                guard await readMore() else { return nil }
            }
            return buffer.readString(length: count)
        }

        /// Everything up to a text, and the text.
        func read(through end: String) async throws -> String? {
            while true {
                let view = buffer.readableBytesView
                if let range = view.firstRange(of: Array(end.utf8)) {
                    return buffer.readString(length: range.upperBound - view.startIndex)
                }
                guard await readMore() else { return nil }
            }
        }

        /// Waits until the client closes.
        func readToEnd() async {
            while await readMore() { buffer.clear() }
        }

        func write(_ text: String) async throws {
            try await channel.writeAndFlush(ByteBuffer(string: text))
        }

        /// Closes with a reset in place of an orderly end.
        func reset() async throws {
            try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            try await channel.close()
        }

        private func readMore() async -> Bool {
            guard var next = await inbox.next(asking: channel) else { return false }
            buffer.writeBuffer(&next)
            return true
        }
    }
}

extension LoopbackServer.Connection {
    /// What has arrived and was not read yet.
    final class Inbox: Sendable {
        private struct State {
            var arrived: [ByteBuffer] = []
            var isOver = false
            var reader: CheckedContinuation<ByteBuffer?, Never>?
        }

        private let state = Mutex(State())

        /// The next piece; `nil` at the end, and when the test is over.
        func next(asking channel: any Channel) async -> ByteBuffer? {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let bytes: ByteBuffer?? = state.withLock { state in
                        if !state.arrived.isEmpty { return state.arrived.removeFirst() }
                        if state.isOver { return .some(nil) }
                        state.reader = continuation
                        return nil
                    }
                    if let bytes {
                        continuation.resume(returning: bytes)
                    } else {
                        channel.read()
                    }
                }
            } onCancel: {
                over()
            }
        }

        // Readers are resumed when the lock is free: it is wanted by whoever cancels one, with the reader's task locked.

        func put(_ bytes: ByteBuffer) {
            let reader = state.withLock { state in
                let reader = state.reader.take()
                if reader == nil { state.arrived.append(bytes) }
                return reader
            }
            reader?.resume(returning: bytes)
        }

        func over() {
            let reader = state.withLock { state in
                state.isOver = true
                return state.reader.take()
            }
            reader?.resume(returning: nil)
        }
    }

    final class Receiver: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let inbox = Inbox()
        private let begin: (Inbox) -> Void

        init(begin: @escaping (Inbox) -> Void) {
            self.begin = begin
        }

        /// Not earlier: what is asked of a channel before it is active is forgotten.
        func channelActive(context: ChannelHandlerContext) {
            begin(inbox)
            context.fireChannelActive()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            inbox.put(unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) {
            inbox.over()
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
