// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Holds each request back until its bulkhead has a place for it; the place is given back when the exchange has ended.
///
/// Above the retries it counts requests, below them attempts. A stack has one: a second would not know which place is
/// whose. The source must find the same bulkhead in `finish` as in `send`, which what the context carries ensures.
public struct BulkheadLayer<Base: Transport, Source: PolicySource<Bulkhead>>: Transport {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends once there is a place; waits for it until the request's or the attempt's deadline at most.
    /// - Throws: what `Bulkhead.acquire` throws; else what sending throws.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let bulkhead = source.policy(for: context)
        let entry = bulkhead?.entry() ?? .free
        if entry == .mustWait { try await bulkhead?.wait(deadline: context.headDeadline) }
        if entry != .free { context.heldPermits.insert(.bulkhead) }
        do {
            return try await base.send(request, context: &context)
        } catch {
            if entry != .free {
                context.heldPermits.remove(.bulkhead)
                bulkhead?.leave()
            }
            throw error
        }
    }

    /// Ends the exchange and gives the place back.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
        if context.heldPermits.remove(.bulkhead) != nil { source.policy(for: context)?.leave() }
    }
}
