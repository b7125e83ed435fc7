// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses requests whose deadline has passed before they are sent, a bounded share of all.
public struct ExpiredRequestLayer<Base: Transport, Source: PolicySource<ExpiredRequestFilter>>: Transport {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends unless the deadline has passed.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        try source.policy(for: context)?.admit(deadline: context.deadline)
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
