// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension OutboundRequest {
    /// The longest body that is collected before it is sent, so that it can be sent again: 1 MiB, as much as Envoy
    /// buffers for retries by default (`per_connection_buffer_limit_bytes`).
    private static var replayLimit: Int64 { 1 << 20 }

    /// What a request of AsyncHTTPClient's calls that return futures is to the mesh.
    /// - Parameter loop: The event loop that the body's writer works on.
    /// - Throws: `MeshError` with code `invalidRequest` for what the mesh decides; what the body's writer fails with.
    init(_ request: HTTPClient.Request, on loop: any EventLoop) async throws {
        var head = try Self.head(
            request.method,
            request.url.absoluteString,
            request.headers,
            request.tlsConfiguration
        )
        guard let body = request.body else {
            self.init(head)
            return
        }
        if let length = body.contentLength, length <= Self.replayLimit {
            self.init(head, body: .bytes(try await Self.collect(body, length, on: loop)))
        } else {
            if let length = body.contentLength { head.headerFields[.contentLength] = String(length) }
            self.init(head, body: .written { try await Self.write(body, to: $0, on: loop) })
        }
    }

    /// Lets a body write itself into memory.
    private static func collect(
        _ body: HTTPClient.Body,
        _ length: Int64,
        on loop: any EventLoop
    ) async throws -> ByteBuffer {
        let collected = NIOLoopBoundBox.makeBoxSendingValue(ByteBuffer(), eventLoop: loop)
        let writer = HTTPClient.Body.StreamWriter { part in
            loop.submit { try collected.value.write(part) }
        }
        let bytes = try await loop.flatSubmit {
            body.stream(writer).hop(to: loop).map { collected.value }
        }.get()
        guard bytes.readableBytes == length else {
            throw MeshError(
                .invalidRequest,
                origin: .downstream,
                message: "the body has another length than it was announced with"
            )
        }
        return bytes
    }

    /// Passes on what a body writes, each part when the connection takes it.
    private static func write(
        _ body: HTTPClient.Body,
        to writer: RequestBodyWriter,
        on loop: any EventLoop
    ) async throws {
        // Bounded by the body's writer, which waits for the future of a part before it writes the next.
        let (parts, sink) = AsyncThrowingStream.makeStream(of: PendingPart.self)
        let adapter = HTTPClient.Body.StreamWriter { part in
            let pending = PendingPart(part, on: loop)
            sink.yield(pending)
            return pending.future
        }
        loop.flatSubmit { body.stream(adapter).hop(to: loop) }.whenComplete { result in
            if case .failure(let error) = result { sink.finish(throwing: error) } else { sink.finish() }
        }
        // Whoever writes after this is told that nobody wants it.
        defer { sink.finish() }
        for try await part in parts {
            var bytes = ByteBuffer()
            try bytes.write(part.content)
            try await writer.write(bytes)
            part.settle(nil)
        }
    }
}

/// A part of a body that waits for its connection; dropped before it is taken, it fails.
private final class PendingPart: Sendable {
    let content: IOData
    let future: EventLoopFuture<Void>
    private let promise: Mutex<EventLoopPromise<Void>?>

    init(_ content: IOData, on loop: any EventLoop) {
        let promise = loop.makePromise(of: Void.self)
        self.content = content
        self.future = promise.futureResult
        self.promise = Mutex(promise)
    }

    deinit {
        settle(HTTPClientError.requestStreamCancelled)
    }

    func settle(_ error: (any Error)?) {
        guard let promise = promise.withLock({ $0.take() }) else { return }
        if let error { promise.fail(error) } else { promise.succeed() }
    }
}

extension ByteBuffer {
    /// Appends a part of a body.
    /// - Throws: `invalidRequest` for a region of a file.
    fileprivate mutating func write(_ part: IOData) throws(MeshError) {
        guard case .byteBuffer(var bytes) = part else {
            throw MeshError(.invalidRequest, origin: .downstream, message: "regions of files are not supported")
        }
        if readableBytes == 0 { self = bytes } else { writeBuffer(&bytes) }
    }
}
