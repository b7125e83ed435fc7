// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

/// A request of the mesh as a call of another transport of grpc-swift.
struct RelayedRequest: Sendable {
    let descriptor: MethodDescriptor
    let options: CallOptions
    let metadata: Metadata
    let body: RequestBody
    /// What unfolds the body's messages; `nil` if they are not compressed.
    private let coder: MessageCoder?
    /// When a call that no connection takes is given up.
    let connectDeadline: Deadline
    /// When an attempt without a response is.
    let headDeadline: Deadline
    /// Whether the attempt's time ends before the call's.
    let isAttemptBound: Bool
    /// When the call is.
    let deadline: Deadline

    /// - Throws: `MeshError` with code `invalidRequest` for a request that is no call; `deadlineExceeded`.
    init(
        _ request: OutboundRequest,
        to endpoint: Endpoint,
        context: CallContext,
        coders: MessageCoders,
        now: MeshInstant
    ) throws(MeshError) {
        guard request.head.method == .post,
            request.head.headerFields[.contentType]?.hasPrefix("application/grpc") ?? false,
            let path = request.head.path, let end = path.lastIndex(of: "/"), path.hasPrefix("/"), end > path.startIndex
        else {
            throw MeshError(.invalidRequest, origin: .local, message: "a transport of gRPC takes calls only")
        }
        guard !context.headDeadline.hasPassed(at: now) else {
            throw MeshError(.deadlineExceeded, origin: .local, message: "the deadline passed before the attempt")
        }
        descriptor = MethodDescriptor(
            fullyQualifiedService: String(path[path.index(after: path.startIndex)..<end]),
            method: String(path[path.index(after: end)...])
        )
        do {
            coder = try coders.forReading(request.head.headerFields[.grpcEncoding])
        } catch {
            throw MeshError(.invalidRequest, origin: .local, message: error.message)
        }
        var options = CallOptions.defaults
        options.waitForReady = false
        options.compression = coder?.encoding.algorithm
        self.options = options
        var metadata = Metadata(request.head.headerFields)
        metadata.removeAllValues(forKey: "user-agent")
        if context.trace.isValid {
            metadata.replaceOrAddString(context.trace.traceparent, forKey: "traceparent")
            if let state = context.trace.state { metadata.replaceOrAddString(state, forKey: "tracestate") }
        }
        if !context.deadline.isNever {
            let left = context.deadline.remaining(at: now)
            metadata.replaceOrAddString(TimeoutHeaders.grpcTimeout(of: left), forKey: "grpc-timeout")
        }
        self.metadata = metadata
        body = request.body
        connectDeadline = Deadline(endpoint.connectTimeout, after: now)
        headDeadline = context.headDeadline
        isAttemptBound = context.attemptDeadline < context.deadline
        deadline = context.deadline
    }

    /// Writes the call; returns behind its end.
    func write<Bytes: GRPCContiguousBytes>(to outbound: RPCWriter<RPCRequestPart<Bytes>>.Closable) async throws {
        try await outbound.write(.metadata(metadata))
        // How long a message may be was checked when it was written.
        var deframer = MessageDeframer(maximumMessageBytes: Int(UInt32.max))
        deframer.coder = coder
        let messages = Mutex(deframer)
        @Sendable func forward(_ chunk: ByteBuffer) async throws {
            var parts: [RPCRequestPart<Bytes>] = []
            try messages.withLock { messages in
                messages.append(chunk)
                while let message = try messages.next() {
                    parts.append(.message(Bytes(message.buffer.readableBytesView)))
                }
            }
            for part in parts { try await outbound.write(part) }
        }
        if let produce = body.producer {
            try await produce(RequestBodyWriter(forward))
        } else if case .bytes(let bytes) = body.content {
            try await forward(bytes)
        }
        await outbound.finish()
    }
}

extension Metadata {
    fileprivate mutating func replaceOrAddString(_ value: String, forKey key: String) {
        removeAllValues(forKey: key)
        addString(value, forKey: key)
    }
}
