// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Sends a request a second time when the first answer is slow, and hands up the first good answer.
///
/// Each attempt works on its own copy of the context, and the winner's is written back: what its answer holds is finished
/// by `finish`, once, and an answer that lost is discarded with the context that it came with. A request is hedged only if
/// it can be replayed and is idempotent. Without a policy the layer costs one branch.
public struct HedgeLayer<Base: Transport, Source: PolicySource<Hedging>>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends, and sends again while the policy says so.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let hedging = source.policy(for: context), hedging.isEnabled, request.isReplayable,
            hedging.hedgesNonIdempotent || request.isIdempotent
        {
            return try await sendHedged(request, hedging, context: &context)
        }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange of the attempt that won.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    @usableFromInline
    func sendHedged(
        _ request: Base.Request,
        _ hedging: Hedging,
        context: inout CallContext
    ) async throws -> Base.Response {
        let configuration = hedging.configuration
        guard configuration.mode == .enforce else {
            return try await sendWatched(request, hedging, context: &context)
        }
        let base = base
        var hedged = context
        let inUse = EndpointsInUse()
        hedged.endpointsInUse = inUse
        let outer = hedged
        let tally = HedgeTally()
        let (clock, deadline) = (hedging.timers.clock, context.headDeadline)
        let result: Result<HedgedExchange<Base.Response>, any Error> = await hedging.race(
            verdict: { HedgedExchange.verdict($0, configuration).within(deadline, at: clock.now) },
            dispose: { late in
                guard case .success(var exchange) = late, case .success = exchange.result else { return }
                base.finish(&exchange.context, .discarded)
            },
            { attempt in
                var own = outer
                // The attempts of this request go on counting where a retry above has come to.
                own.attempt = max(outer.attempt, 1) + attempt - 1
                tally.attemptBegan()
                do {
                    let response = try await base.send(request, context: &own)
                    tally.attemptEnded(.answered)
                    return HedgedExchange(context: own, result: .success(response))
                } catch {
                    let known = (error as? MeshError)?.requestState ?? .notSent
                    tally.attemptEnded(own.requestState.orFurther(known))
                    return HedgedExchange(context: own, result: .failure(error))
                }
            }
        )
        switch result {
        case .success(let exchange):
            let before = context.endpointsInUse
            context = exchange.context
            context.endpointsInUse = before
            // A retry of this answer is kept from the endpoint of its attempt, and from those of the others.
            for address in inUse.addresses
            where address != context.endpoint?.address && !context.attemptedEndpoints.contains(address) {
                context.attemptedEndpoints.append(address)
            }
            switch exchange.result {
            case .success(let response): return response
            case .failure(let error):
                // Numbers of attempts are not given twice. (An answer keeps its own until its exchange is finished.)
                context.attempt = max(outer.attempt, 1) + tally.begun - 1
                context.requestState = context.requestState.orFurther(tally.furthest)
                guard var located = error as? MeshError else { throw error }
                located.requestState = located.requestState.orFurther(tally.furthest)
                throw located
            }
        case .failure(let error):
            // The caller was cancelled: attempts were under way, and how far they came nobody waits to hear.
            context.requestState = .maybeSent
            throw error
        }
    }

    private func sendWatched(
        _ request: Base.Request,
        _ hedging: Hedging,
        context: inout CallContext
    ) async throws -> Base.Response {
        let watch = hedging.watchBegan()
        do {
            let response = try await base.send(request, context: &context)
            hedging.watchEnded(watch)
            return response
        } catch {
            hedging.watchEnded(watch, error: error)
            throw error
        }
    }
}
