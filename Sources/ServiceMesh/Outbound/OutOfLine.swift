// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What stands below some layers and elsewhere in the stack, too: compiled once for all of them.
///
/// The layers that every request passes are inlined into one function, which spares it seven asynchronous calls. Layers
/// that few requests pass would each hold a copy of it all; they make a call instead.
public struct OutOfLine<Base: Transport>: Transport {
    @usableFromInline let base: Base

    /// Wraps a transport.
    public init(_ base: Base) {
        self.base = base
    }

    /// Sends.
    @inlinable
    @inline(never)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    @inline(never)
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
