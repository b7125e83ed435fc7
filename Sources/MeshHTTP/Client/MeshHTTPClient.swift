// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes
public import MeshCore
public import NIOCore
public import ServiceMesh

/// The HTTP client of applications: requests name a service, and the mesh decides the rest.
///
/// ```swift
/// let client = MeshHTTPClient(mesh: mesh, transport: transport)
/// let (response, body) = try await client.get("http://reviews:9080/reviews/0")
/// ```
/// Trace and deadline are those of the request that the task serves, without a header being touched. An answer that the
/// mesh gives by itself (an injected abort, a direct response) is a response; everything else that goes wrong throws.
public struct MeshHTTPClient: Sendable {
    /// For adapters whose responses outlive the call that makes them.
    package let stack: HTTPStack

    /// Creates a client.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - transport: What carries the requests: an `HTTPTransport`, or another of the same messages. It must have the
    ///     mesh's clock.
    ///   - requestMiddleware: The application's own, once a request; the first is the outermost.
    ///   - attemptMiddleware: The application's own, once an attempt.
    ///   - sharesPastAttemptMiddleware: Whether response caches and coalescing may give several callers one answer
    ///     although each attempt passes `attemptMiddleware`, which may tell the peer who is calling. Default `false`.
    public init(
        mesh: Mesh,
        transport: any Transport<OutboundRequest, OutboundResponse>,
        requestMiddleware: [any Middleware<OutboundRequest, OutboundResponse>] = [],
        attemptMiddleware: [any Middleware<OutboundRequest, OutboundResponse>] = [],
        sharesPastAttemptMiddleware: Bool = false
    ) {
        self.stack = HTTPStack(
            mesh: mesh,
            transport: transport,
            requestMiddleware: requestMiddleware,
            attemptMiddleware: attemptMiddleware,
            sharesPastAttemptMiddleware: sharesPastAttemptMiddleware
        )
    }

    /// Sends a request and hands the response to `handle`, whose return ends the exchange.
    ///
    /// `handle` runs where the caller runs. A body that it leaves unread is thrown away.
    /// - Parameters:
    ///   - request: The request; trailers and streamed bodies included.
    ///   - timeout: How long the whole exchange may take, its body included; `nil` for what the route says.
    /// - Throws: `MeshError`, and what `handle` throws.
    public func withResponse<Result>(
        to request: OutboundRequest,
        timeout: Duration? = nil,
        _ handle: (OutboundResponse) async throws -> Result
    ) async throws -> Result {
        var context = stack.makeContext(timeout: timeout)
        switch try await stack.open(request, context: &context) {
        case .reply(let response): return try await handle(response)
        case .exchange(let response):
            let result: Result
            do {
                result = try await handle(response)
            } catch {
                stack.finish(&context, ExchangeEnding(error: error))
                throw error
            }
            stack.finish(&context, .completed)
            return result
        }
    }

    /// Sends a request and hands the response to `handle`, whose return ends the exchange.
    ///
    /// `handle` runs where the caller runs. A body that it leaves unread is thrown away.
    /// - Parameter timeout: How long the whole exchange may take, its body included; `nil` for what the route says.
    /// - Throws: `MeshError`, and what `handle` throws.
    public func withResponse<Result>(
        to request: HTTPRequest,
        body: RequestBody = .none,
        timeout: Duration? = nil,
        _ handle: (OutboundResponse) async throws -> Result
    ) async throws -> Result {
        try await withResponse(to: OutboundRequest(request, body: body), timeout: timeout, handle)
    }

    /// Sends a request and reads the whole response into memory.
    /// - Parameters:
    ///   - timeout: How long the whole exchange may take; `nil` for what the route says.
    ///   - maximumResponseBytes: The largest body to accept. Default 1 MiB.
    /// - Throws: `MeshError`; its code is `responseTooLarge` when the body is larger.
    public func execute(
        _ request: HTTPRequest,
        body: RequestBody = .none,
        timeout: Duration? = nil,
        maximumResponseBytes: Int = 1 << 20
    ) async throws -> (response: HTTPResponse, body: ByteBuffer) {
        try await withResponse(to: request, body: body, timeout: timeout) { response in
            (response.head, try await response.body.collect(upTo: maximumResponseBytes))
        }
    }

    /// Sends a GET and reads the whole response into memory.
    /// - Parameters:
    ///   - url: An absolute URL, `http://reviews:9080/reviews/0`; its authority is what routes are looked up by.
    ///   - timeout: How long the whole exchange may take; `nil` for what the route says.
    ///   - maximumResponseBytes: The largest body to accept. Default 1 MiB.
    /// - Throws: `MeshError`; its code is `invalidRequest` for a URL that is none.
    public func get(
        _ url: String,
        headerFields: HTTPFields = [:],
        timeout: Duration? = nil,
        maximumResponseBytes: Int = 1 << 20
    ) async throws -> (response: HTTPResponse, body: ByteBuffer) {
        let request = try HTTPRequest(.get, absolute: url, headerFields: headerFields)
        return try await execute(request, timeout: timeout, maximumResponseBytes: maximumResponseBytes)
    }
}
