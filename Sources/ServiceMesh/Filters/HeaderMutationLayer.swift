// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshRouting

/// Changes heads as the header mutation filter says, before every other filter looks at the request.
public struct HeaderMutationLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends the request as the filter changes it; the answer, the mesh's own included, is what the filter makes of it.
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let filters = context.selection?.filters, !filters.mutations.isEmpty else {
            return try await base.send(request, context: &context)
        }
        var outgoing = request
        filters.mutations.apply(to: &outgoing, facts: filters.formatFacts(context, mesh))
        if context.selection?.tellsSentRequests ?? false { context.noteSentRequest(outgoing) }
        do {
            var response = try await base.send(outgoing, context: &context)
            change(&response, of: context.filterState?.sentRequest, before: outgoing, by: filters, context)
            return response
        } catch var error as MeshError {
            guard var reply = error.localReply else { throw error }
            change(&reply, of: context.filterState?.sentRequest, before: outgoing, by: filters, context)
            error.localReply = reply
            throw error
        }
    }

    /// - Parameters:
    ///   - sent: The request as the route changed it, if it did.
    ///   - outgoing: The request before that.
    private func change(
        _ response: inout some ResponseHead,
        of sent: (any RequestHead)?,
        before outgoing: Base.Request,
        by filters: RouteFilters,
        _ context: CallContext
    ) {
        if let sent {
            filters.mutations.apply(to: &response, request: sent, facts: filters.formatFacts(context, mesh))
        } else {
            filters.mutations.apply(to: &response, request: outgoing, facts: filters.formatFacts(context, mesh))
        }
    }

    /// Ends the exchange.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
