// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Changes the heads of requests and responses as the route says.
///
/// Inside everything that decides by what the caller wrote, and outside the retries: all attempts send the same.
public struct EditLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends the request as the route changes it; the answer is what the route makes of it.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let edits = context.selection?.edits
        var outgoing = request
        edits?.apply(to: &outgoing, context, mesh)
        if context.selection?.tellsSentRequests ?? false { mesh.note(sent: outgoing, &context) }
        if context.selection?.namesEndpoints ?? false { mesh.noteNamedEndpoints(of: outgoing, &context) }
        var response = try await base.send(outgoing, context: &context)
        // A route may take them away again.
        for cookie in context.selection?.cookies ?? [] { response.appendValue(cookie, for: "set-cookie") }
        edits?.apply(to: &response, of: outgoing, context, mesh)
        return response
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}

extension Mesh {
    @usableFromInline
    func note(sent request: some RequestHead, _ context: inout CallContext) {
        context.noteSentRequest(request)
    }
}
