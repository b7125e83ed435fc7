// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshHTTP
import NIOCore

/// What a caller sends, as grpc-swift reads it: its metadata, then its messages, at the speed of their reader.
///
/// It can be iterated once, by one task.
struct RequestParts: AsyncSequence, Sendable {
    typealias Element = RPCRequestPart<RPCBytes>
    typealias Failure = any Error

    let metadata: Metadata
    let body: InboundBody
    let maximumMessageBytes: Int
    /// What unfolds messages that are compressed; `nil` where none may be.
    let coder: MessageCoder?
    let traffic: RPCTraffic

    func makeAsyncIterator() -> AsyncIterator {
        var deframer = MessageDeframer(maximumMessageBytes: maximumMessageBytes)
        deframer.coder = coder
        return AsyncIterator(
            metadata: metadata,
            body: body.makeAsyncIterator(),
            deframer: deframer,
            traffic: traffic
        )
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        private var metadata: Metadata?
        private var body: InboundBody.AsyncIterator
        private var deframer: MessageDeframer
        private let traffic: RPCTraffic

        init(metadata: Metadata, body: InboundBody.AsyncIterator, deframer: MessageDeframer, traffic: RPCTraffic) {
            self.traffic = traffic
            self.metadata = metadata
            self.body = body
            self.deframer = deframer
        }

        /// The next part; `nil` when the caller has said all.
        /// - Throws: `RPCError`.
        mutating func next(isolation actor: isolated (any Actor)?) async throws -> RPCRequestPart<RPCBytes>? {
            if let metadata = metadata.take() { return .metadata(metadata) }
            while true {
                let message = try deframer.next()
                traffic.received(deframer.receivedBytes)
                if let message { return .message(message) }
                let chunk: ByteBuffer?
                do {
                    chunk = try await body.next(isolation: actor)
                } catch {
                    throw RPCError(mapping: error)
                }
                guard let chunk else {
                    guard deframer.isAtBoundary else {
                        throw RPCError(code: .internalError, message: "the request ends within a message")
                    }
                    return nil
                }
                deframer.append(chunk)
            }
        }

        mutating func next() async throws -> RPCRequestPart<RPCBytes>? {
            try await next(isolation: nil)
        }
    }
}
