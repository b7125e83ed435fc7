// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// Answers every call at once, from memory: what is measured over it is grpc-swift's client alone.
struct AnsweringTransport: ClientTransport {
    typealias Bytes = [UInt8]

    private struct Parts: AsyncSequence, Sendable {
        struct AsyncIterator: AsyncIteratorProtocol {
            private var next = 0

            mutating func next() async throws -> RPCResponsePart<[UInt8]>? {
                defer { next += 1 }
                switch next {
                case 0: return .metadata([:])
                case 1: return .message(CallStage.message)
                case 2: return .status(Status(code: .ok, message: ""), [:])
                default: return nil
                }
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
    }

    private struct Nowhere: ClosableRPCWriterProtocol {
        func write(_ element: RPCRequestPart<[UInt8]>) async throws {}
        func write(contentsOf elements: some Sequence<RPCRequestPart<[UInt8]>>) async throws {}
        func finish() async {}
        func finish(throwing error: any Error) async {}
    }

    private let lifetime = AsyncStream.makeStream(of: Never.self)

    var retryThrottle: RetryThrottle? { nil }

    func connect() async throws {
        for await _ in lifetime.stream {}
    }

    func beginGracefulShutdown() { lifetime.continuation.finish() }

    func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? { nil }

    @concurrent
    func withStream<Result: Sendable>(
        descriptor: MethodDescriptor,
        options: CallOptions,
        _ closure: @concurrent (RPCStream<Inbound, Outbound>, ClientContext) async throws -> Result
    ) async throws -> Result {
        let stream = RPCStream<Inbound, Outbound>(
            descriptor: descriptor,
            inbound: RPCAsyncSequence(wrapping: Parts()),
            outbound: RPCWriter.Closable(wrapping: Nowhere())
        )
        return try await closure(stream, ClientContext(descriptor: descriptor, remotePeer: "", localPeer: ""))
    }
}
