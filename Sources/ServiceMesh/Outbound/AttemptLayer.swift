// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// One attempt: the cluster's limit, the pick of an endpoint, and what is learned from how it ends.
public struct AttemptLayer<Base: Transport>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let mesh: Mesh

    @usableFromInline
    init(_ base: Base, mesh: Mesh) {
        self.base = base
        self.mesh = mesh
    }

    /// Sends to an endpoint of the selected cluster; a request without a selection goes where it was going.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        try mesh.beginAttempt(&context)
        do {
            let response =
                context.selection?.editsAttempts ?? false
                ? try await OutOfLine(base).send(edited(request, context), context: &context)
                : try await base.send(request, context: &context)
            context.responseStatus = response.statusCode
            if context.observesAnswer { mesh.noteAnswer(&context, response.value(of: "retry-after")) }
            return response
        } catch {
            throw mesh.failAttempt(&context, error)
        }
    }

    /// The request as this attempt sends it.
    @inlinable
    @inline(never)
    func edited(_ request: Base.Request, _ context: CallContext) -> Base.Request {
        var request = request
        context.selection?.edits?.apply(toAttempt: &request, context)
        return request
    }

    /// Ends the exchange, and counts it for the endpoint.
    @inlinable
    @inline(__always)
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        mesh.endAttempt(&context, ending)
    }
}
