// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// One exchange made for several callers: sent, read to its end and finished before anybody gets its response.
enum CollectedExchange {
    static func make<Base: Transport>(
        _ request: Base.Request,
        over base: Base,
        for caller: CallContext,
        _ sharing: ResponseSharing<Base.Request, Base.Response>
    ) async throws -> Base.Response {
        var own = caller
        // Each of those who wait has its own deadline, and none of them is this exchange's.
        own.deadline = .never
        own.attemptDeadline = .never
        let response = try await base.send(request, context: &own)
        do {
            let whole = try await sharing.collect(response)
            base.finish(&own, .completed)
            return whole
        } catch {
            base.finish(&own, ExchangeEnding(error: error))
            throw error
        }
    }

    /// Hands a response to a caller that has no exchange of its own below.
    static func answered(_ owner: any Sendable & AnyObject, _ context: inout CallContext) {
        context.requestState = .answered
        context.openExchanges += 1
        StandIn.note(owner, in: &context)
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
