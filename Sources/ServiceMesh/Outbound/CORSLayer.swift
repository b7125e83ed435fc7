// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// Answers the preflight requests of pages, and lets pages of allowed origins see responses, where the route says so.
///
/// Outside everything that may refuse a request: a page is to see why.
public struct CORSLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends what is not answered here.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard context.selection?.cors != nil else { return try await base.send(request, context: &context) }
        let decision = try mesh.crossOriginDecision(request, context)
        do {
            var response = try await base.send(request, context: &context)
            decision.apply(to: &response)
            return response
        } catch var error as MeshError {
            guard var reply = error.localReply else { throw error }
            decision.apply(to: &reply)
            error.localReply = reply
            throw error
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
