// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses requests above their route's rate, or makes them wait for their turn where the limit says so.
public struct RateLimitLayer<Base: Transport, Source: PolicySource<RateLimiter>>: Transport {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends if there is a permit; never waits past the request's deadline.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let limiter = source.policy(for: context) {
            if limiter.waits {
                context.timePassed()
                try await limiter.acquireWaiting(until: context.deadline)
            } else {
                try limiter.acquire(at: context.freshInstant)
            }
        }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
