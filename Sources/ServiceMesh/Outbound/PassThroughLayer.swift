// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Sends each request to the host that it names, which is all that a mesh does while it is disabled.
public struct PassThroughLayer<Base: Transport>: Transport where Base.Request: RequestHead {
    @usableFromInline let base: Base

    @usableFromInline
    init(_ base: Base) {
        self.base = base
    }

    /// Sends to the request's own authority.
    /// - Throws: `MeshError` with code `invalidRequest` if there is none; what the transport throws.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        context.endpoint = try Endpoint(passThroughTo: request.authority ?? "", scheme: request.scheme)
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
