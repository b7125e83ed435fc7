// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import AsyncHTTPClient
import HTTPTypes
public import Logging
import MeshCore
public import MeshHTTP
public import NIOCore
import NIOHTTP1
public import ServiceMesh
import Synchronization

/// AsyncHTTPClient's calls on the mesh: an existing program changes the line in which it makes its `HTTPClient`.
///
/// ```swift
/// let client = MeshAsyncHTTPClient(mesh: mesh)
/// let request = HTTPClientRequest(url: "http://reviews:9080/reviews/0")
/// let response = try await client.execute(request, timeout: .seconds(5))
/// let body = try await response.body.collect(upTo: 1 << 20)
/// ```
/// Requests and responses are AsyncHTTPClient's own types; in between there is the whole outbound stack and, by
/// default, `HTTPTransport`. Where a program names the type, `typealias HTTPClient = MeshAsyncHTTPClient` in its module
/// keeps the name, and `HTTPClient.Request` and its like with it.
///
/// What differs, because the mesh decides about it:
/// - **Where it goes**: the authority, or a `Host` field in its place, is looked up in the routes. A request of its own
///   TLS configuration or local address is refused; so are URLs of Unix sockets and with user information.
/// - **Deadline**: it covers the response's body too, not only its head. It never extends the route's timeout.
/// - **Redirects** are returned, not followed; bodies are not decompressed; connections are the transport's.
/// - **Errors** are `MeshError`, whose code tells what an `HTTPClientError` would: `deadlineExceeded`, `cancelled` (in
///   place of `CancellationError`), `connectionFailed` for connect and TLS timeouts, `connectionClosed` for
///   `remoteConnectionClosed`, `invalidRequest` for URLs, fields and lengths. `alreadyShutdown` stays what it is.
/// - **Tracing and logs** come from the mesh's observers: one span a request, and no use for `logger`.
/// - **Bodies**: the response of a body that is dropped, unread or half read, ends its exchange. A streamed request
///   body is sent to its end, or refused, before the response is returned.
///
/// Left out are the delegates (`execute(request:delegate:…)`), event loop preferences and the calls for Unix sockets.
public final class MeshAsyncHTTPClient: Sendable {
    /// A request of the calls that return futures.
    public typealias Request = HTTPClient.Request
    /// A response of the calls that return futures.
    public typealias Response = HTTPClient.Response
    /// A body of the calls that return futures.
    public typealias Body = HTTPClient.Body
    /// A request and the response to it.
    public typealias RequestResponse = HTTPClient.RequestResponse
    /// A cookie of a response.
    public typealias Cookie = HTTPClient.Cookie
    /// The value of an `Authorization` field.
    public typealias Authorization = HTTPClient.Authorization

    /// The event loops that futures are completed on.
    public let eventLoopGroup: any EventLoopGroup
    private let client: MeshHTTPClient
    private let ownedTransport: HTTPTransport?
    private let isShutDown = Atomic(false)

    /// Creates a client with a transport of its own, which `shutdown` closes.
    /// - Parameters:
    ///   - mesh: The mesh whose configuration decides.
    ///   - configuration: How the transport behaves; its clock is the mesh's, whatever it says.
    public convenience init(mesh: Mesh, configuration: HTTPTransport.Configuration = HTTPTransport.Configuration()) {
        var configuration = configuration
        configuration.clock = mesh.clock
        let transport = HTTPTransport(configuration)
        self.init(
            MeshHTTPClient(mesh: mesh, transport: transport),
            eventLoopGroup: configuration.eventLoopGroup,
            owning: transport
        )
    }

    /// Creates a client over another, whose transport is its owner's to shut down.
    /// - Parameters:
    ///   - client: What carries the requests, middleware included.
    ///   - eventLoopGroup: The event loops that futures are completed on. Default: AsyncHTTPClient's.
    public convenience init(
        _ client: MeshHTTPClient,
        eventLoopGroup: any EventLoopGroup = HTTPClient.defaultEventLoopGroup
    ) {
        self.init(client, eventLoopGroup: eventLoopGroup, owning: nil)
    }

    private init(_ client: MeshHTTPClient, eventLoopGroup: any EventLoopGroup, owning transport: HTTPTransport?) {
        self.client = client
        self.eventLoopGroup = eventLoopGroup
        self.ownedTransport = transport
    }

    /// Sends a request and returns at the response's head; its body is read through the response.
    /// - Parameters:
    ///   - request: The request.
    ///   - deadline: When the whole exchange must be over, the response's body included.
    ///   - logger: Not used; the mesh's observers log.
    /// - Throws: `MeshError`; what the sequence of a streamed body throws; `HTTPClientError.alreadyShutdown`.
    public func execute(
        _ request: HTTPClientRequest,
        deadline: NIODeadline,
        logger: Logger? = nil
    ) async throws -> HTTPClientResponse {
        // The clock is read only for a deadline.
        try await send(request, within: deadline == .distantFuture ? nil : deadline - .now())
    }

    /// Sends a request and returns at the response's head; its body is read through the response.
    /// - Parameters:
    ///   - request: The request.
    ///   - timeout: How long the whole exchange may take, the response's body included.
    ///   - logger: Not used; the mesh's observers log.
    /// - Throws: `MeshError`; what the sequence of a streamed body throws; `HTTPClientError.alreadyShutdown`.
    public func execute(
        _ request: HTTPClientRequest,
        timeout: TimeAmount,
        logger: Logger? = nil
    ) async throws -> HTTPClientResponse {
        try await send(request, within: timeout)
    }

    private func send(_ request: HTTPClientRequest, within timeout: TimeAmount?) async throws -> HTTPClientResponse {
        let outbound = try await OutboundRequest(request)
        let (head, body) = try await open(outbound, timeout: timeout)
        let status = HTTPResponseStatus(head.status)
        let headers = HTTPHeaders(head.headerFields)
        let responseHead = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        return HTTPClientResponse(
            status: status,
            headers: headers,
            body: .stream(body),
            history: [HTTPClientRequestResponse(request: request, responseHead: responseHead)]
        )
    }

    /// Sends a request through the mesh; the body that comes back ends the exchange.
    func open(
        _ request: OutboundRequest,
        timeout: TimeAmount?
    ) async throws -> (head: HTTPResponse, body: OwnedResponseBody) {
        guard !isShutDown.load(ordering: .relaxed) else { throw HTTPClientError.alreadyShutdown }
        let timeout = timeout.map { Duration.nanoseconds(max(0, $0.nanoseconds)) }
        var context = client.stack.makeContext(timeout: timeout)
        switch try await client.stack.open(request, context: &context) {
        case .reply(let response): return (response.head, OwnedResponseBody(response.body, owner: nil))
        case .exchange(let response):
            let owner = ExchangeOwner(client.stack, context)
            return (response.head, OwnedResponseBody(response.body, owner: owner))
        }
    }

    /// Takes no more requests and closes the transport, if it is this client's own.
    /// - Throws: `HTTPClientError.alreadyShutdown` the second time.
    public func shutdown() async throws {
        guard !isShutDown.exchange(true, ordering: .relaxed) else { throw HTTPClientError.alreadyShutdown }
        await ownedTransport?.shutdown()
    }
}
