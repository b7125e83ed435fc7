// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
import MeshCore
import MeshSecurity
public import ServiceMesh

/// The mesh's whole inbound stack in front of a server's methods, on any transport of grpc-swift.
///
/// ```swift
/// let server = GRPCServer(
///     transport: .http2NIOPosix(address: address, transportSecurity: .plaintext),
///     services: [greeter],
///     interceptors: [MeshServerInterceptor(stack)]
/// )
/// ```
/// Traces and metrics (through the mesh's observers), load shedding, authorization, rate limits, faults, filters and the
/// caller's deadline are as on `MeshServerTransport`, where it does nothing, as the transport has done it all. What a
/// transport has to do is not here: mutual TLS by the listener, refusing connections, answers to what is no RPC, ends of
/// calls whose handler does not heed its cancellation.
public struct MeshServerInterceptor: ServerInterceptor {
    private let stack: InboundStack
    private let peers: RPCPeerReader

    /// Creates an interceptor.
    /// - Parameters:
    ///   - stack: What the mesh does before and after handlers.
    ///   - peers: Tells who is at the other end. Default: nobody has proved anything.
    public init(_ stack: InboundStack, peers: RPCPeerReader = .mesh) {
        self.stack = stack
        self.peers = peers
    }

    /// Admits the RPC, runs it, and closes its record.
    /// - Throws: `RPCError` for what is not admitted.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        guard context.mesh == nil, !stack.isDisabled else { return try await next(request, context) }
        let peer = await peers.read(context)
        var head = RPCHead(
            request.metadata,
            method: context.descriptor,
            authority: nil,
            isSecured: peer.isSecured
        )
        var call = stack.begin(head, isRPC: true)
        do {
            try await stack.admit(&head, peer: peer, context: &call)
        } catch {
            let refusal = RPCError(mapping: error)
            stack.end(call, status: 200, rpcStatus: refusal.code.rawValue, peerIdentity: peer.identity, error: error)
            throw refusal
        }
        var admitted = request
        admitted.metadata = head.metadata
        let scope = ServerScope(
            inbound: InboundContext(
                trace: call.trace,
                deadline: call.deadline,
                peerIdentity: peer.identity,
                peerCertificate: peer.certificate
            ),
            deadline: stack.configuration.enforcesCallerDeadline ? call.deadline : .never,
            clock: stack.clock
        )
        let interception = ServerInterception { [stack, call] error in
            stack.end(
                call,
                status: 200,
                rpcStatus: error?.code.rawValue ?? 0,
                peerIdentity: peer.identity,
                error: nil
            )
        }
        return try await withoutActuallyEscaping(next) { next in
            try await interception.around({ [admitted] in try await next(admitted, context) }, scope: scope)
        }
    }
}
