// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import GRPCNIOTransportHTTP2
import MeshCore
import Synchronization

@testable import MeshXDS

/// A rate limit service on a port of the system's choice that answers what a test says, and keeps what it was asked.
final class ScriptedRateLimitServer: Envoy_Service_Ratelimit_V3_RateLimitService.SimpleServiceProtocol {
    typealias Request = Envoy_Service_Ratelimit_V3_RateLimitRequest
    typealias Response = Envoy_Service_Ratelimit_V3_RateLimitResponse

    private let answer: @Sendable (Request) throws -> Response?
    private let asked = Mutex<[Request]>([])
    /// The questions that are not answered, as they come, and as they are given up.
    let held: AsyncStream<Void>
    let released: AsyncStream<Void>
    private let heldSink: AsyncStream<Void>.Continuation
    private let releasedSink: AsyncStream<Void>.Continuation

    /// Creates a service.
    /// - Parameter answer: What it answers; `nil` to hold the question until its caller gives up.
    init(_ answer: @escaping @Sendable (Request) throws -> Response?) {
        self.answer = answer
        (held, heldSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(100))
        (released, releasedSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(100))
    }

    /// The questions, in order.
    var questions: [Request] { asked.withLock { $0 } }

    func shouldRateLimit(request: Request, context: ServerContext) async throws -> Response {
        asked.withLock { $0.append(request) }
        if let response = try answer(request) { return response }
        heldSink.yield()
        try? await context.cancellation.cancelled
        releasedSink.yield()
        throw RPCError(code: .cancelled, message: "nobody waits any more")
    }

    /// Serves while `body` runs.
    func serving(_ body: (EndpointAddress) async throws -> Void) async throws {
        let server = GRPCServer(
            transport: HTTP2ServerTransport.Posix(
                address: .ipv4(host: "127.0.0.1", port: 0),
                transportSecurity: .plaintext
            ),
            services: [self]
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let address = try await server.listeningAddress?.ipv4
            try await body(EndpointAddress(host: "127.0.0.1", port: UInt16(clamping: address?.port ?? 0)))
            server.beginGracefulShutdown()
            try await group.waitForAll()
        }
    }
}
