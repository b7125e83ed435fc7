// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension OutboundRequest {
    /// What a `URLRequest` is to the mesh.
    /// - Parameter mayLackBody: Whether a request without a visible body has none.
    /// - Throws: `MeshError` with code `invalidRequest`; `URLError` for a body that is not shown.
    init(_ request: URLRequest, mayLackBody: Bool) throws {
        guard let url = request.url, let method = HTTPRequest.Method(rawValue: request.httpMethod ?? "GET") else {
            throw MeshError(.invalidRequest, origin: .downstream, message: "the request has no URL or no valid method")
        }
        var head = try HTTPRequest(method, absolute: url.absoluteString)
        for (name, value) in request.allHTTPHeaderFields ?? [:] {
            guard let fieldName = HTTPField.Name(name), HTTPField.isValidValue(value) else {
                throw MeshError(
                    .invalidRequest,
                    origin: .downstream,
                    message: "the header field \"\(name)\" has no valid name or value"
                )
            }
            // What a proxy would route by.
            if fieldName.canonicalName == "host" {
                head.authority = value
            } else {
                head.headerFields[fieldName] = value
            }
        }
        if let data = request.httpBody {
            head.headerFields[.contentLength] = nil
            self.init(head, body: .bytes(ByteBuffer(bytes: data)))
        } else if let stream = request.httpBodyStream {
            let source = BodyStream(stream)
            self.init(head, body: .written { try await source.write(to: $0) })
        } else if mayLackBody {
            head.headerFields[.contentLength] = nil
            self.init(head)
        } else {
            throw URLError(.requestBodyStreamExhausted)
        }
    }
}

/// A body that is read from a stream, on a queue whose thread may block.
///
/// Unchecked: the stream is touched on the queue only, which is serial.
private final class BodyStream: @unchecked Sendable {
    private static let chunkSize = 64 * 1024
    private let stream: InputStream
    private let queue = DispatchQueue(label: "swift-service-mesh.url-session-body")

    init(_ stream: InputStream) {
        self.stream = stream
    }

    func write(to writer: RequestBodyWriter) async throws {
        while let chunk = try await read() { try await writer.write(chunk) }
    }

    private func read() async throws -> ByteBuffer? {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try self.blockingRead() }) }
        }
    }

    private func blockingRead() throws -> ByteBuffer? {
        if stream.streamStatus == .notOpen { stream.open() }
        var buffer = ByteBuffer()
        var result = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.chunkSize) { room in
            guard let start = room.bindMemory(to: UInt8.self).baseAddress else { return 0 }
            result = stream.read(start, maxLength: room.count)
            return max(0, result)
        }
        if result > 0 { return buffer }
        stream.close()
        // Not the stream's own error: to ask for it traps on Linux.
        guard result == 0 else { throw URLError(.cannotOpenFile) }
        return nil
    }
}
