// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOPosix

/// A transport on one event loop of its own, so that a test can wait for what the loop has in hand.
func withTransport<Result>(
    loops: Int = 1,
    _ configure: (inout HTTPTransport.Configuration) -> Void = { _ in },
    _ body: (HTTPTransport) async throws -> Result
) async throws -> Result {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    var configuration = HTTPTransport.Configuration(eventLoopGroup: group)
    configure(&configuration)
    let result: Result
    do {
        result = try await withHTTPTransport(configuration, body)
    } catch {
        try await group.shutdownGracefully()
        throw error
    }
    try await group.shutdownGracefully()
    return result
}

extension HTTPTransport {
    /// Waits until the loops have done what they had in hand.
    func settle() async throws {
        for loop in configuration.eventLoopGroup.makeIterator() { try await loop.submit {}.get() }
    }

    /// Sends a request and reads the response.
    func exchange(
        _ request: OutboundRequest = .get("/"),
        with endpoint: Endpoint,
        timeout: Nanoseconds? = nil
    ) async throws -> (status: Int, body: String, trailers: HTTPFields?) {
        var context = callContext(endpoint, timeout: timeout)
        return try await withResponse(to: request, context: &context) { response in
            let body = try await response.body.collect(upTo: 1 << 24)
            return (response.statusCode, String(buffer: body), response.trailers)
        }
    }

    func callContext(_ endpoint: Endpoint, timeout: Nanoseconds? = nil) -> CallContext {
        let now = configuration.clock.now
        var context = CallContext(now: now, deadline: timeout.map { Deadline($0, after: now) } ?? .never)
        context.endpoint = endpoint
        return context
    }
}

extension OutboundRequest {
    static func get(_ path: String, headerFields: HTTPFields = [:]) -> OutboundRequest {
        OutboundRequest(
            HTTPRequest(method: .get, scheme: "http", authority: "reviews", path: path, headerFields: headerFields)
        )
    }

    static func post(_ path: String, _ body: RequestBody, headerFields: HTTPFields = [:]) -> OutboundRequest {
        OutboundRequest(
            HTTPRequest(method: .post, scheme: "http", authority: "reviews", path: path, headerFields: headerFields),
            body: body
        )
    }
}

/// The error that `body` throws, as the mesh's.
func meshError(_ body: () async throws -> Void) async -> MeshError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? MeshError
    }
}

extension String {
    /// The text before the first line break.
    var firstLine: String { String(prefix { $0 != "\r\n" }) }

    /// A response with a body of this text.
    var asResponse: String { "HTTP/1.1 200 OK\r\ncontent-length: \(utf8.count)\r\n\r\n\(self)" }
}
