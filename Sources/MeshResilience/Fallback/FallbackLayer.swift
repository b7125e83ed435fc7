// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Answers in place of a request that failed, by its route's policy. A success costs one look at the policy.
public struct FallbackLayer<
    Base: Transport,
    Source: PolicySource<TransportFallback<Base.Request, Base.Response>>
>: Transport where Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends, and asks the alternative if that failed.
    /// - Throws: What the request failed with. If the alternative failed too, a `MeshError` carries both as its cause, any
    ///   other error is within a `FallbackFailure`. If a response was to be replaced, what the alternative failed with.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let fallback = source.policy(for: context)
        let response: Base.Response
        do {
            response = try await base.send(request, context: &context)
        } catch {
            guard let fallback else { throw error }
            return try await answer(request, error, fallback, context: &context)
        }
        guard let fallback, replaces(response, fallback) else { return response }
        base.finish(&context, .discarded)
        return try await fallback.send(request, context: &context)
    }

    /// Ends the exchange where it was opened.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        guard context.standIn != nil, finishFallback(&context, ending) else { return base.finish(&context, ending) }
    }

    @inlinable
    @inline(__always)
    func replaces(
        _ response: Base.Response,
        _ fallback: TransportFallback<Base.Request, Base.Response>
    ) -> Bool {
        fallback.isEnabled && fallback.handlesStatus(response.statusCode) && fallback.begins()
    }

    @usableFromInline
    func answer(
        _ request: Base.Request,
        _ original: any Error,
        _ fallback: TransportFallback<Base.Request, Base.Response>,
        context: inout CallContext
    ) async throws -> Base.Response {
        guard
            fallback.configuration.mode != .disabled, !FallbackGate.isUnwanted(original),
            fallback.handlesError(original)
        else { throw original }
        guard fallback.configuration.mode == .enforce else {
            fallback.gate.tell(.fellBack, because: .failure)
            throw original
        }
        guard fallback.gate.enter() else { throw fallback.gate.refusal(cause: original) }
        do {
            return try await fallback.send(request, context: &context)
        } catch {
            if FallbackGate.isUnwanted(error) { throw error }
            let both = FallbackFailure(original: original, fallbacks: [error])
            guard var failure = original as? MeshError else { throw both }
            // It stays the error that the layers above know how to count, with all there is to know underneath.
            failure.cause = both
            throw failure
        }
    }

    /// - Returns: Whether the answer in hand is this layer's fallback's.
    @usableFromInline
    func finishFallback(_ context: inout CallContext, _ ending: ExchangeEnding) -> Bool {
        let fallback = source.policy(for: context)
        guard let fallback, StandIn.take(fallback, from: &context) else { return false }
        fallback.alternative.finish(&context, ending)
        return true
    }
}
