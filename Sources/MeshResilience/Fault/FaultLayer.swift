// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Injects the faults that a route asks for. It stands outside the retries, so that they do not mask it.
public struct FaultLayer<Base: Transport, Source: PolicySource<FaultInjector>>: Transport
where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends, after the delay and unless the request is aborted.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let injector = source.policy(for: context) {
            let drawn = injector.draw()
            if !drawn.isEmpty { try await injector.inject(drawn, into: request, untilTheEndOf: &context) }
        }
        // One place where what is below is called: each further one would be another copy of it in inlined code.
        do {
            return try await base.send(request, context: &context)
        } catch {
            giveBack(&context)
            throw error
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        giveBack(&context)
    }

    /// A request that suffered has ended.
    @inlinable
    @inline(__always)
    func giveBack(_ context: inout CallContext) {
        if context.heldPermits.contains(.fault) { source.policy(for: context)?.ended(&context) }
    }
}
