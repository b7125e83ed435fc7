// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

/// The parts of a call's response, in their order, as fast as they are read. One task reads them, once.
struct RPCResponses: AsyncSequence, Sendable {
    typealias Element = RPCResponsePart<RPCBytes>
    typealias Failure = any Error

    private let call: RPCCall
    private let isTaken: Taken

    private final class Taken: Sendable {
        let value = Atomic(false)
    }

    init(_ call: RPCCall) {
        self.call = call
        self.isTaken = Taken()
    }

    func makeAsyncIterator() -> AsyncIterator {
        let isFirst = !isTaken.value.exchange(true, ordering: .relaxed)
        return AsyncIterator(call, isFirst: isFirst)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        private enum Phase {
            case unopened
            case messages
            case ended
            /// Somebody else reads.
            case refused
        }

        private let call: RPCCall
        private var phase: Phase
        private var response: OutboundResponse?
        private var chunks: ResponseBody.AsyncIterator?
        private var deframer: MessageDeframer

        init(_ call: RPCCall, isFirst: Bool) {
            self.call = call
            self.phase = isFirst ? .unopened : .refused
            self.deframer = MessageDeframer(maximumMessageBytes: call.settings.maximumResponseMessageBytes)
        }

        /// - Throws: `RPCError`.
        mutating func next() async throws -> Element? {
            try await next(isolation: nil)
        }

        mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            do {
                switch phase {
                case .unopened: return try await open()
                case .messages: return try await message()
                case .ended: return nil
                case .refused: throw RPCError(code: .internalError, message: "a response can be read once only")
                }
            } catch {
                if case .refused = phase { throw error }
                phase = .ended
                call.broke(error)
                throw RPCError(mapping: error)
            }
        }

        private mutating func open() async throws -> Element {
            let response = try await call.open()
            let fields = response.head.headerFields
            try call.check(fields)
            if let status = Status(trailers: fields) { return end(with: status, fields) }
            guard response.statusCode == 200 else {
                return end(with: Status(httpStatusCode: response.statusCode), fields)
            }
            guard let type = fields[.contentType], type.hasPrefix("application/grpc") else {
                let type = fields[.contentType] ?? "no content type"
                let status = Status(code: .unknown, message: "the response is no gRPC: it has \(type)")
                return end(with: status, fields)
            }
            do {
                deframer.coder = try call.settings.coders.forReading(fields[.grpcEncoding])
            } catch {
                return end(with: Status(code: .internalError, message: error.message), fields)
            }
            self.response = response
            chunks = response.body.makeAsyncIterator()
            phase = .messages
            return .metadata(Metadata(fields))
        }

        private mutating func message() async throws -> Element {
            while true {
                if let message = try deframer.next() { return .message(message) }
                guard let chunk = try await chunks?.next(isolation: nil) else { break }
                deframer.append(chunk)
            }
            guard deframer.isAtBoundary else {
                throw RPCError(code: .internalError, message: "the response ended within a message")
            }
            let trailers = response?.trailers ?? [:]
            try call.check(trailers)
            let status =
                Status(trailers: trailers) ?? Status(code: .unknown, message: "the response ended without a status")
            return end(with: status, trailers)
        }

        private mutating func end(with status: Status, _ fields: HTTPFields) -> Element {
            phase = .ended
            response = nil
            chunks = nil
            call.ended(status.code, receivedBytes: deframer.receivedBytes)
            return .status(status, Metadata(fields))
        }
    }
}

extension RPCCall {
    /// Whether a head or trailers have more metadata than is accepted.
    fileprivate func check(_ fields: HTTPFields) throws(RPCError) {
        try settings.metadataLimits.check(fields.metadataBytes, random: random)
    }
}
