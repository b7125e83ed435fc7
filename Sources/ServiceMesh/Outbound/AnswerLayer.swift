// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Answers in the place of an upstream where the route says so: a redirect, a direct response.
///
/// Inside the filters: they may refuse such a request as any other, and change its answer's head.
public struct AnswerLayer<Base: Transport>: Transport where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends what the route forwards.
    /// - Throws: `MeshError` with the route's answer.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let answer = context.selection?.answer { throw answer.error(for: request, &context, mesh) }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
