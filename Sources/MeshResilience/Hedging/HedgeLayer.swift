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
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let hedging = source.policy(for: context) else { return try await base.send(request, context: &context) }
        return try await sendHedged(request, hedging, context: &context)
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
        guard
            configuration.mode != .disabled, configuration.maximumAttempts > 1, request.isReplayable,
            configuration.hedgesNonIdempotent || request.isIdempotent
        else { return try await base.send(request, context: &context) }
        guard configuration.mode == .enforce else {
            return try await sendWatched(request, hedging, context: &context)
        }
        let (base, outer) = (base, context)
        let result: Result<HedgedExchange<Base.Response>, any Error> = await hedging.race(
            verdict: { HedgedExchange.verdict($0, configuration) },
            dispose: { late in
                guard case .success(var exchange) = late, case .success = exchange.result else { return }
                base.finish(&exchange.context, .discarded)
            },
            { attempt in
                var own = outer
                // The attempts of this request go on counting where a retry above has come to.
                own.attempt = max(outer.attempt, 1) + attempt - 1
                do {
                    let response = try await base.send(request, context: &own)
                    return HedgedExchange(context: own, result: .success(response))
                } catch {
                    return HedgedExchange(context: own, result: .failure(error))
                }
            }
        )
        switch result {
        case .success(let exchange):
            context = exchange.context
            return try exchange.result.get()
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

/// What an attempt came to, with the context that belongs to it.
struct HedgedExchange<Response: ResponseHead>: Sendable where Response: Sendable {
    var context: CallContext
    var result: Result<Response, any Error>

    static func verdict(
        _ ended: Result<HedgedExchange, any Error>,
        _ configuration: HedgingConfiguration
    ) -> HedgeVerdict {
        guard case .success(let exchange) = ended else { return .answer }
        switch exchange.result {
        case .failure(let error):
            guard Hedging.isWorthAnother(error) else { return .answer }
            guard configuration.honorsPushback, let wait = (error as? MeshError)?.retryAfter else {
                return .failure(.none)
            }
            return .failure(.wait(wait))
        case .success(let response):
            guard isFailure(response, configuration) else { return .answer }
            guard configuration.honorsPushback, let pushback = response.value(of: HedgedExchangeHeader.pushback) else {
                return .failure(.none)
            }
            // gRPC A6: a negative number, or no number at all, forbids further attempts.
            guard let milliseconds = UInt32(pushback) else { return .failure(.stop) }
            return .failure(.wait(.milliseconds(UInt64(milliseconds))))
        }
    }

    private static func isFailure(_ response: Response, _ configuration: HedgingConfiguration) -> Bool {
        let status = response.statusCode
        if let codes = configuration.nonFatalStatusCodes {
            if codes.contains(status) { return true }
        } else if status >= 500 {
            return true
        }
        guard !configuration.nonFatalGRPCStatusCodes.isEmpty, status == 200 else { return false }
        guard let text = response.value(of: HedgedExchangeHeader.status), let code = Int(text) else { return false }
        return configuration.nonFatalGRPCStatusCodes.contains(code)
    }
}

/// The fields in which gRPC answers in the response's head.
private enum HedgedExchangeHeader {
    static let status: HeaderName = "grpc-status"
    static let pushback: HeaderName = "grpc-retry-pushback-ms"
}
