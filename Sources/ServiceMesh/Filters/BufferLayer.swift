// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses requests whose bodies are larger than the route lets them be.
///
/// What is known before the request is sent counts: a body that is held in memory, or the length that the request
/// declares. A body that is made while it is sent, and whose length nobody knows, passes.
public struct BufferLayer<Base: Transport>: Transport where Base.Request: RequestHead {
    @usableFromInline let base: Base

    @usableFromInline
    init(_ base: Base) {
        self.base = base
    }

    /// Sends if the request is small enough.
    /// - Throws: `MeshError` with code `requestTooLarge`, and Envoy's answer.
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let refusal = context.selection?.filters?.sizeRefusal(of: request) { throw refusal }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
