// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import MeshSecurity

/// Refuses RPCs that the caller may not make: by the method's path, metadata, and who the caller is.
///
/// Rules are those of `Listener` and of xDS (gRFC A41); binary metadata is hidden from them.
public struct AuthorizationInterceptor: ServerInterceptor {
    private let engine: AuthorizationEngine
    private let peers: RPCPeerReader

    /// Creates an interceptor.
    /// - Parameters:
    ///   - rules: The rules, in the order in which they are asked.
    ///   - peers: Tells who is at the other end.
    public init(_ rules: [AuthorizationRules], peers: RPCPeerReader = .mesh) {
        self.engine = AuthorizationEngine(rules)
        self.peers = peers
    }

    /// Asks the rules.
    /// - Throws: `RPCError` with code `permissionDenied`; what the handler throws.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let peer = await peers.read(context)
        let head = RPCHead(
            request.metadata,
            method: context.descriptor,
            authority: context.mesh?.authority,
            isSecured: peer.isSecured
        )
        guard case .denied(_, let message) = engine.verdict(for: head, peer: peer) else {
            return try await next(request, context)
        }
        throw RPCError(code: .permissionDenied, message: message)
    }
}
