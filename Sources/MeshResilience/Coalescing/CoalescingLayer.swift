// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Sends one request for all equal requests that overlap, by their route's policy. Without a policy it costs one branch.
public struct CoalescingLayer<
    Base: Transport,
    Source: PolicySource<TransportCoalescing<Base.Request, Base.Response>>
>: Transport {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends, or waits for the equal request that is under way.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let policy = source.policy(for: context) { return try await send(request, policy, context: &context) }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange; one that was shared has ended before.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        guard context.standIn != nil, finishShared(&context) else { return base.finish(&context, ending) }
    }

    @usableFromInline
    func send(
        _ request: Base.Request,
        _ policy: TransportCoalescing<Base.Request, Base.Response>,
        context: inout CallContext
    ) async throws -> Base.Response {
        let mode = policy.configuration.mode
        guard mode != .disabled, let key = policy.sharing.key(request), !policy.unshared.contains(key) else {
            return try await base.send(request, context: &context)
        }
        guard mode == .enforce else {
            let flight = policy.flights.watchBegan(key)
            defer { policy.flights.watchEnded(flight) }
            return try await base.send(request, context: &context)
        }
        let (base, caller, number) = (base, context, policy.unshared.nextCaller())
        do {
            let answer = try await policy.flights.run(key, deadline: context.headDeadline) {
                try await CollectedExchange.make(request, over: base, for: caller, number: number, policy.sharing)
            }
            if !answer.isForOthers { policy.unshared.note(key) }
            if answer.isFor(number) {
                return CollectedExchange.answered(answer, to: number, by: policy, &context)
            }
        } catch {
            guard CollectedExchange.isTooLarge(error) else {
                CollectedExchange.failed(error, &context)
                throw error
            }
            policy.unshared.note(key)
        }
        // What came was not for this caller, who has waited for nothing: a read may be sent again.
        return try await base.send(request, context: &context)
    }

    @usableFromInline
    func finishShared(_ context: inout CallContext) -> Bool {
        CollectedExchange.finish(source.policy(for: context), &context)
    }
}
