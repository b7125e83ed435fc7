// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
import MeshCore
public import MeshResilience

/// Refuses RPCs beyond a rate.
public struct RateLimitInterceptor: ServerInterceptor {
    private let limiter: RateLimiter
    private let code: RPCError.Code

    /// Creates an interceptor.
    /// - Parameters:
    ///   - limiter: The limit, which may be shared.
    ///   - code: What refused callers get. Default RESOURCE_EXHAUSTED, which gRPC's clients retry where their policy
    ///     says so; limits that come by the mesh's configuration answer UNAVAILABLE, as Envoy's do.
    public init(_ limiter: RateLimiter, refusingWith code: RPCError.Code = .resourceExhausted) {
        self.limiter = limiter
        self.code = code
    }

    /// Takes a permit, or waits for one where the limit says so.
    /// - Throws: `RPCError`, with `grpc-retry-pushback-ms` where it is known when there will be a permit; what the
    ///   handler throws.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        do {
            if limiter.waits {
                try await limiter.acquireWaiting(until: InboundContext.current?.deadline ?? .never)
            } else {
                try limiter.acquire()
            }
        } catch let error as MeshError where error.code == .rateLimited {
            var refusal = RPCError(code: code, message: error.message, cause: error)
            if let wait = error.retryAfter {
                let milliseconds = min(wait.rawValue / 1_000_000 + 1, UInt64(Int32.max))
                refusal.metadata.addString("\(milliseconds)", forKey: "grpc-retry-pushback-ms")
            }
            throw refusal
        }
        return try await next(request, context)
    }
}
