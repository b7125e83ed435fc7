// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Answers requests from memory, by their route's policy. Without a policy it costs one branch.
public struct ResponseCacheLayer<
    Base: Transport,
    Source: PolicySource<TransportCache<Base.Request, Base.Response>>
>: Transport where Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Answers from memory, or sends.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        if let policy = source.policy(for: context) { return try await send(request, policy, context: &context) }
        return try await base.send(request, context: &context)
    }

    /// Ends the exchange; one from memory has ended before.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        guard context.standIn != nil, finishKept(&context) else { return base.finish(&context, ending) }
    }

    @usableFromInline
    func send(
        _ request: Base.Request,
        _ policy: TransportCache<Base.Request, Base.Response>,
        context: inout CallContext
    ) async throws -> Base.Response {
        let mode = policy.configuration.mode
        guard mode != .disabled, let key = policy.sharing.key(request), !policy.unshared.contains(key) else {
            return try await base.send(request, context: &context)
        }
        guard mode == .enforce else { return try await sendWatched(request, key, policy, context: &context) }
        let (base, caller, number) = (base, context, policy.unshared.nextCaller())
        var answer: SharedAnswer<Base.Response>?
        do {
            answer = try await policy.responses.run(key, deadline: context.headDeadline) {
                let answer = try await CollectedExchange.make(
                    request,
                    over: base,
                    for: caller,
                    number: number,
                    policy.sharing
                )
                // RFC 5861 §4: a server's failure is one that an older answer may take the place of.
                guard answer.response.statusCode < 500 else { throw FailedResponse(answer: answer) }
                return answer
            }
        } catch let failure as FailedResponse<Base.Response> {
            answer = failure.answer
        } catch {
            guard CollectedExchange.isTooLarge(error) else {
                CollectedExchange.failed(error, &context)
                throw error
            }
        }
        if answer?.isForOthers != true { policy.unshared.note(key) }
        guard let answer, answer.isFor(number) else {
            // What came was not for this caller, who has waited for nothing: a read may be sent again.
            return try await base.send(request, context: &context)
        }
        return CollectedExchange.answered(answer, to: number, by: policy, &context)
    }

    private func sendWatched(
        _ request: Base.Request,
        _ key: String,
        _ policy: TransportCache<Base.Request, Base.Response>,
        context: inout CallContext
    ) async throws -> Base.Response {
        let watch = policy.shadow.watchBegan(key)
        do {
            let response = try await base.send(request, context: &context)
            if response.statusCode < 500 {
                policy.shadow.watchEnded(watch, policy.isCacheable(response))
            } else {
                policy.shadow.watchEnded(watch, ServerFailure())
            }
            return response
        } catch {
            policy.shadow.watchEnded(watch, error)
            throw error
        }
    }

    @usableFromInline
    func finishKept(_ context: inout CallContext) -> Bool {
        CollectedExchange.finish(source.policy(for: context), &context)
    }
}

/// A response that says that the server failed: an error to the cache, and an answer to the caller if nothing is kept.
private struct FailedResponse<Response: Sendable>: Error {
    let answer: SharedAnswer<Response>
}

/// The same where only the fact counts.
private struct ServerFailure: Error {}
