// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import AsyncHTTPClient
import HTTPTypes
public import Logging
import MeshHTTP
public import NIOCore
public import NIOHTTP1

extension MeshAsyncHTTPClient {
    /// Sends a GET and reads the whole response into memory.
    /// - Parameter deadline: When the exchange must be over; `nil` for what the route says.
    public func get(url: String, deadline: NIODeadline? = nil) -> EventLoopFuture<Response> {
        execute(.GET, url: url, deadline: deadline)
    }

    /// Sends a GET and reads the whole response into memory.
    /// - Parameters:
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    ///   - logger: Not used; the mesh's observers log.
    public func get(url: String, deadline: NIODeadline? = nil, logger: Logger) -> EventLoopFuture<Response> {
        execute(.GET, url: url, deadline: deadline)
    }

    /// Sends a POST and reads the whole response into memory.
    /// - Parameter deadline: When the exchange must be over; `nil` for what the route says.
    public func post(url: String, body: Body? = nil, deadline: NIODeadline? = nil) -> EventLoopFuture<Response> {
        execute(.POST, url: url, body: body, deadline: deadline)
    }

    /// Sends a POST and reads the whole response into memory.
    /// - Parameters:
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    ///   - logger: Not used; the mesh's observers log.
    public func post(
        url: String,
        body: Body? = nil,
        deadline: NIODeadline? = nil,
        logger: Logger
    ) -> EventLoopFuture<Response> {
        execute(.POST, url: url, body: body, deadline: deadline)
    }

    /// Sends a PATCH and reads the whole response into memory.
    /// - Parameter deadline: When the exchange must be over; `nil` for what the route says.
    public func patch(url: String, body: Body? = nil, deadline: NIODeadline? = nil) -> EventLoopFuture<Response> {
        execute(.PATCH, url: url, body: body, deadline: deadline)
    }

    /// Sends a PATCH and reads the whole response into memory.
    /// - Parameters:
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    ///   - logger: Not used; the mesh's observers log.
    public func patch(
        url: String,
        body: Body? = nil,
        deadline: NIODeadline? = nil,
        logger: Logger
    ) -> EventLoopFuture<Response> {
        execute(.PATCH, url: url, body: body, deadline: deadline)
    }

    /// Sends a PUT and reads the whole response into memory.
    /// - Parameter deadline: When the exchange must be over; `nil` for what the route says.
    public func put(url: String, body: Body? = nil, deadline: NIODeadline? = nil) -> EventLoopFuture<Response> {
        execute(.PUT, url: url, body: body, deadline: deadline)
    }

    /// Sends a PUT and reads the whole response into memory.
    /// - Parameters:
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    ///   - logger: Not used; the mesh's observers log.
    public func put(
        url: String,
        body: Body? = nil,
        deadline: NIODeadline? = nil,
        logger: Logger
    ) -> EventLoopFuture<Response> {
        execute(.PUT, url: url, body: body, deadline: deadline)
    }

    /// Sends a DELETE and reads the whole response into memory.
    /// - Parameter deadline: When the exchange must be over; `nil` for what the route says.
    public func delete(url: String, deadline: NIODeadline? = nil) -> EventLoopFuture<Response> {
        execute(.DELETE, url: url, deadline: deadline)
    }

    /// Sends a DELETE and reads the whole response into memory.
    /// - Parameters:
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    ///   - logger: Not used; the mesh's observers log.
    public func delete(url: String, deadline: NIODeadline? = nil, logger: Logger) -> EventLoopFuture<Response> {
        execute(.DELETE, url: url, deadline: deadline)
    }

    /// Sends a request and reads the whole response into memory.
    /// - Parameters:
    ///   - method: The method. Default GET.
    ///   - url: An absolute URL; its authority is what routes are looked up by.
    ///   - body: The body, if there is one.
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    ///   - logger: Not used; the mesh's observers log.
    public func execute(
        _ method: HTTPMethod = .GET,
        url: String,
        body: Body? = nil,
        deadline: NIODeadline? = nil,
        logger: Logger? = nil
    ) -> EventLoopFuture<Response> {
        do {
            return execute(request: try Request(url: url, method: method, body: body), deadline: deadline)
        } catch {
            return eventLoopGroup.any().makeFailedFuture(error)
        }
    }

    /// Sends a request and reads the whole response into memory.
    /// - Parameters:
    ///   - request: The request.
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    ///   - logger: Not used; the mesh's observers log.
    public func execute(request: Request, deadline: NIODeadline? = nil, logger: Logger) -> EventLoopFuture<Response> {
        execute(request: request, deadline: deadline)
    }

    /// Sends a request and reads the whole response into memory, which has room for 4 GiB of it.
    /// - Parameters:
    ///   - request: The request.
    ///   - deadline: When the exchange must be over; `nil` for what the route says.
    public func execute(request: Request, deadline: NIODeadline? = nil) -> EventLoopFuture<Response> {
        let loop = eventLoopGroup.any()
        // Owned by the future: nobody can cancel it, as in AsyncHTTPClient, and who wants to know its end awaits it.
        return loop.makeFutureWithTask { try await self.response(to: request, deadline: deadline, on: loop) }
    }

    private func response(
        to request: Request,
        deadline: NIODeadline?,
        on loop: any EventLoop
    ) async throws -> Response {
        let outbound = try await OutboundRequest(request, on: loop)
        let (head, body) = try await open(outbound, timeout: deadline.map { $0 - .now() })
        // The most that a buffer can hold, and AsyncHTTPClient's limit.
        let bytes = try await body.collect(upTo: Int(exactly: UInt32.max) ?? Int.max)
        let status = HTTPResponseStatus(head.status)
        let headers = HTTPHeaders(head.headerFields)
        return Response(
            host: request.host,
            status: status,
            version: .http1_1,
            headers: headers,
            body: bytes.readableBytes > 0 ? bytes : nil,
            history: [
                RequestResponse(
                    request: request,
                    responseHead: HTTPResponseHead(version: .http1_1, status: status, headers: headers)
                )
            ]
        )
    }
}
