// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses requests whose header field's value has used up its rate. It stands outside the retries: a request counts
/// once, however many attempts it takes.
public struct HeaderRateLimitLayer<Base: Transport, Source: PolicySource<HeaderRateLimiter>>: Transport
where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends if there is a permit for the request's key; never waits past the request's deadline.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let limiter = source.policy(for: context) {
            try await limiter.acquire(for: request, until: context.deadline)
        }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
