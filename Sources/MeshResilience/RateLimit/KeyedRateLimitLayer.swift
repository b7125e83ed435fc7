// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses requests above their key's rate, or makes them wait for their turn where the limit says so. A request
/// without a key passes.
public struct KeyedRateLimitLayer<Base: Transport, Source: PolicySource<KeyedRateLimiter<String>>>: Transport
where Base.Request: RequestHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let key: RateLimitKey

    /// Creates the layer.
    public init(_ base: Base, source: Source, key: RateLimitKey) {
        self.base = base
        self.source = source
        self.key = key
    }

    /// Sends if there is a permit for the request's key; never waits past the request's deadline.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let limiter = source.policy(for: context), let key = key.key(of: request) {
            if limiter.waits {
                try await limiter.acquireWaiting(for: key, until: context.deadline)
            } else {
                try limiter.acquire(forText: key)
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
