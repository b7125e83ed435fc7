// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Changes the heads of the mesh's own answers as the route changes those of its upstreams: to the caller of a proxy there
/// is no difference.
///
/// Outside everything that answers by itself, inside what changes every answer. The answers of a route that does not
/// forward are made with its changes.
public struct ReplyLayer<Base: Transport>: Transport where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends.
    /// - Throws: What is thrown below, its answer changed.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        do {
            return try await base.send(request, context: &context)
        } catch let error as MeshError {
            throw mesh.shaped(error, for: request, context)
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}

extension Mesh {
    /// An error with the answer that it stands for in the form that its caller understands and the route wants, if it
    /// stands for one.
    @usableFromInline
    func shaped(_ error: MeshError, for request: some RequestHead, _ context: CallContext) -> MeshError {
        // A route that answers by itself has done so.
        guard error.code != .directResponse, var reply = error.localReply else { return error }
        if !reply.headers.contains(where: { $0.name == "grpc-status" }) { reply = reply.adapted(to: request) }
        let wasAttempted = error.code != .clusterNotFound && context.attempt > 0
        context.selection?.edits?.apply(to: &reply, of: request, context, self, countsAttempts: wasAttempted)
        context.selection?.answer?.apply(toFilters: &reply, of: request, context, self)
        var error = error
        error.localReply = reply
        return error
    }
}
