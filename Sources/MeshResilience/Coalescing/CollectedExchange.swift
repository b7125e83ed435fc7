// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One exchange made for several callers: sent, read to its end and finished before anybody gets its response.
enum CollectedExchange {
    /// - Parameters:
    ///   - caller: The context of the caller who sends, as it was before.
    ///   - number: That caller's number.
    static func make<Base: Transport>(
        _ request: Base.Request,
        over base: Base,
        for caller: CallContext,
        number: UInt64,
        _ sharing: ResponseSharing<Base.Request, Base.Response>
    ) async throws -> SharedAnswer<Base.Response> {
        var own = caller
        // Each of those who wait has its own deadline, and none of them is this exchange's.
        own.deadline = .never
        own.attemptDeadline = .never
        let response = try await base.send(request, context: &own)
        do {
            let whole = try await sharing.collect(response)
            base.finish(&own, .completed)
            return SharedAnswer(
                response: whole,
                leader: number,
                isForOthers: sharing.isForOthers(whole),
                attempt: own.attempt,
                endpoint: own.endpoint
            )
        } catch {
            base.finish(&own, ExchangeEnding(error: error))
            throw error
        }
    }

    /// Whether an error says that a response is too large to be held for several callers.
    static func isTooLarge(_ error: any Error) -> Bool {
        (error as? MeshError)?.code == .responseTooLarge
    }

    /// Hands a response to a caller that has no exchange of its own below.
    static func answered<Response>(
        _ answer: SharedAnswer<Response>,
        to caller: UInt64,
        by owner: any Sendable & AnyObject,
        _ context: inout CallContext
    ) -> Response {
        context.requestState = .answered
        context.openExchanges += 1
        StandIn.note(owner, in: &context)
        // The attempts are those of the request that was sent; the others' records have none.
        if caller == answer.leader {
            context.attempt = answer.attempt
            context.endpoint = answer.endpoint
        }
        return answer.response
    }

    /// Notes how far the exchange came that a caller waited for in vain.
    static func failed(_ error: any Error, _ context: inout CallContext) {
        context.requestState = (error as? MeshError)?.requestState ?? .maybeSent
    }

    /// Ends an exchange if it was handed to the caller by that owner.
    static func finish(_ owner: (any Sendable & AnyObject)?, _ context: inout CallContext) -> Bool {
        guard StandIn.take(owner, from: &context) else { return false }
        context.openExchanges -= 1
        return true
    }
}
