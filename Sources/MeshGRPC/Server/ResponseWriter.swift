// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshBalancing
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

/// Writes what grpc-swift answers into the response of a call.
///
/// A message waits where the connection takes no more, and so does its writer. Messages of methods with one answer go out
/// with its status; those of streams as soon as the handler's task pauses.
final class ResponseWriter: ClosableRPCWriterProtocol {
    typealias Element = RPCResponsePart<RPCBytes>

    private let call: InboundCall
    private let isStreaming: Bool
    private let maximumMessageBytes: Int
    private let coders: MessageCoders
    private let coder: MessageCoder?
    private let traffic: RPCTraffic
    private let loadReport: @Sendable () -> LoadReport?
    private let state = Mutex((machine: ResponseStateMachine(), status: Status?.none))

    /// - Parameters:
    ///   - isStreaming: Whether the method has several answers, or may have.
    ///   - coders: What compresses messages, where the caller accepts that.
    ///   - loadReport: Asked once for what goes into the trailers.
    init(
        _ call: InboundCall,
        isStreaming: Bool,
        maximumMessageBytes: Int,
        coders: MessageCoders,
        traffic: RPCTraffic,
        loadReport: @escaping @Sendable () -> LoadReport?
    ) {
        self.call = call
        self.isStreaming = isStreaming
        self.maximumMessageBytes = maximumMessageBytes
        self.coders = coders
        self.coder = coders.forAnswer(to: call.head.headerFields[.grpcAcceptEncoding])
        self.traffic = traffic
        self.loadReport = loadReport
    }

    /// The status that was written; `nil` without any.
    var status: Status? { state.withLock { $0.status } }

    func write(_ element: RPCResponsePart<RPCBytes>) async throws {
        do {
            switch element {
            case .metadata(let metadata): try await write(metadata)
            case .message(let message): try await write(message)
            case .status(let status, let metadata): try await write(status, metadata)
            }
        } catch {
            throw RPCError(mapping: error)
        }
    }

    func write(contentsOf elements: some Sequence<RPCResponsePart<RPCBytes>>) async throws {
        for element in elements { try await write(element) }
    }

    /// Nothing is left to do behind a status; without one the server resets the stream as the call returns.
    func finish() async {}

    func finish(throwing error: any Error) async {}

    private static var outOfOrder: RPCError {
        RPCError(code: .internalError, message: "a part of the response was written out of order")
    }

    private func write(_ metadata: Metadata) async throws {
        guard state.withLock({ $0.machine.metadata() }) == .writeHead else { throw Self.outOfOrder }
        var head = head
        if let coder { head.headerFields[.grpcEncoding] = coder.encoding.rawValue }
        try head.headerFields.append(metadata)
        // A stream's caller may wait for the metadata long before the first message.
        try await call.start(head, isHeld: !isStreaming)
    }

    private func write(_ message: RPCBytes) async throws {
        guard state.withLock({ $0.machine.message() }) == .writeMessage else { throw Self.outOfOrder }
        try MessageFraming.check(length: message.count, limit: maximumMessageBytes)
        let chunk = try coder?.framed(message) ?? message.framed()
        try await call.write(chunk, flushing: isStreaming ? .soon : .later)
        traffic.sent(chunk.readableBytes - MessageFraming.prefixLength)
    }

    private func write(_ status: Status, _ metadata: Metadata) async throws {
        let action = state.withLock { state in
            let action = state.machine.status()
            if action != .refuse { state.status = status }
            return action
        }
        var fields = HTTPFields()
        status.write(to: &fields)
        if let report = loadReport() { fields[.loadMetrics] = report.binaryHeaderValue }
        do {
            try fields.append(metadata)
        } catch {
            // The status matters more than what cannot be said.
            fields[.grpcMessage] = LocalReply.percentEncoded(error.message)
            fields[.grpcStatus] = "\(Status.Code(error.code).rawValue)"
        }
        switch action {
        case .writeTrailers: try await call.end(fields)
        case .writeOnly:
            var head = head
            head.headerFields.append(contentsOf: fields)
            try await call.answer(head)
        default: throw Self.outOfOrder
        }
    }

    /// What every response begins with.
    private var head: HTTPResponse {
        HTTPResponse(
            status: .ok,
            headerFields: [.contentType: "application/grpc", .grpcAcceptEncoding: coders.acceptedNames]
        )
    }
}

extension HTTPField.Name {
    /// `endpoint-load-metrics-bin` (gRFC A51).
    static let loadMetrics = HTTPField.Name("endpoint-load-metrics-bin")!
}
