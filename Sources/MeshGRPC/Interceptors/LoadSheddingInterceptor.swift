// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
import MeshCore
public import MeshResilience

/// Refuses RPCs when more are under way than the server can do, as found out from how long they take.
///
/// For methods with one answer, whose handlers are done when they return. A handler that goes on writing does not count
/// then: its length says nothing of the server's.
public struct LoadSheddingInterceptor: ServerInterceptor {
    private let limit: AdaptiveLimit

    /// Creates an interceptor.
    /// - Parameter limit: The limit, which may be shared.
    public init(_ limit: AdaptiveLimit) {
        self.limit = limit
    }

    /// Takes a place, and gives it back when the handler has returned.
    /// - Throws: `RPCError` with code `unavailable` for RPCs that are refused, by the table of `MeshError.rpcStatus`; what
    ///   the handler throws.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        do {
            return try await limit.run(deadline: InboundContext.current?.deadline ?? .never) {
                try await next(request, context)
            }
        } catch let error as MeshError {
            throw RPCError(mapping: error)
        }
    }
}
