// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import HTTPTypes
import MeshAsyncHTTPClient
import MeshCore
import MeshHTTP
import MeshTesting
import NIOCore
import NIOPosix
import ServiceMesh

/// A transport on AsyncHTTPClient with one event loop of its own.
func withTransport<Result>(
    _ configure: (inout AsyncHTTPClientTransport.Configuration) -> Void = { _ in },
    _ body: (AsyncHTTPClientTransport) async throws -> Result
) async throws -> Result {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var configuration = AsyncHTTPClientTransport.Configuration(eventLoopGroup: group)
    configure(&configuration)
    let result: Result
    do {
        result = try await withAsyncHTTPClientTransport(configuration, body)
    } catch {
        try await group.shutdownGracefully()
        throw error
    }
    try await group.shutdownGracefully()
    return result
}

/// A client with AsyncHTTPClient's calls, of a mesh without configuration: every host is reached directly.
func withClient<Result>(
    observers: [any Observer] = [],
    _ body: (MeshAsyncHTTPClient, TransportContract<HTTPTransport>) async throws -> Result
) async throws -> Result {
    let mesh = try Mesh(MeshConfiguration(observers: observers, isDisabled: false))
    return try await withHTTPTransport { transport in
        let contract = TransportContract(transport)
        let client = MeshAsyncHTTPClient(MeshHTTPClient(mesh: mesh, transport: contract))
        return try await body(client, contract)
    }
}

extension Transport where Request == OutboundRequest, Response == OutboundResponse {
    /// Sends a request and reads the response.
    func exchange(
        _ request: OutboundRequest = .get("/"),
        with endpoint: Endpoint,
        timeout: Nanoseconds? = nil
    ) async throws -> (status: Int, head: HTTPResponse, body: String) {
        var context = callContext(endpoint, timeout: timeout)
        return try await withResponse(to: request, context: &context) { response in
            (response.statusCode, response.head, String(buffer: try await response.body.collect(upTo: 1 << 24)))
        }
    }

    func callContext(_ endpoint: Endpoint, timeout: Nanoseconds? = nil) -> CallContext {
        let now = SystemClock().now
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

/// Returns when the task is cancelled.
func untilCancelled() async {
    let (silent, continuation) = AsyncStream.makeStream(of: Never.self)
    for await _ in silent {}
    continuation.finish()
}

extension String {
    /// The text before the first line break.
    var firstLine: String { String(prefix { $0 != "\r\n" }) }

    /// A response with a body of this text.
    var asResponse: String { "HTTP/1.1 200 OK\r\ncontent-length: \(utf8.count)\r\n\r\n\(self)" }
}

/// Answers each request with its head and its body, whose length its head tells.
@Sendable
func echo(_ connection: LoopbackServer.Connection, _ number: Int) async throws {
    while let head = try await connection.readHead() {
        let length = head.lowercased().split(separator: "content-length: ").dropFirst().first?.prefix { $0.isNumber }
        var body = ""
        if let length, let count = Int(length), count > 0 {
            body = try await connection.read(count) ?? ""
        } else if head.lowercased().contains("transfer-encoding: chunked") {
            body = try await connection.read(through: "0\r\n\r\n") ?? ""
        }
        try await connection.write("\(head)\r\n\r\n\(body)".asResponse)
    }
}
