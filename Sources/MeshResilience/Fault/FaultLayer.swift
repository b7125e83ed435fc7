// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Injects the faults that a route asks for. It stands outside the retries, so that they do not mask it.
public struct FaultLayer<Base: Transport, Source: PolicySource<FaultConfiguration>>: Transport
where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let clock: any MeshClock
    @usableFromInline let random: MeshRandom

    /// Creates the layer.
    public init(_ base: Base, source: Source, clock: any MeshClock, random: MeshRandom) {
        self.base = base
        self.source = source
        self.clock = clock
        self.random = random
    }

    /// Sends, after the delay and unless the request is aborted.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let configuration = source.policy(for: context) {
            let decision = FaultDecision(configuration, for: request, using: random)
            if !decision.isEmpty { try await decision.take(&context, clock: clock) }
        }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
