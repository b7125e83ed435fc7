// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What every transport promises, checked from below: put it under a layer or a stack, run requests, ask for violations.
///
/// It forwards to a transport and keeps account of what the layers above do to it: a response that is never finished, one
/// that is finished twice, a `finish` for a `send` that threw.
public final class TransportContract<Base: Transport>: Transport {
    private let base: Base
    private let ledger = ContractLedger()

    /// Creates a contract over a transport.
    public init(_ base: Base) {
        self.base = base
    }

    /// Every violation until now, in words; a response that is still open counts, so ask when all requests have ended.
    public var violations: [String] { ledger.violations }

    /// Forwards and notes the exchange that was opened.
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let before = context.openExchanges
        do {
            let response = try await base.send(request, context: &context)
            ledger.returned(openedBefore: before, openNow: context.openExchanges)
            return response
        } catch {
            ledger.threw(openedBefore: before, openNow: context.openExchanges)
            throw error
        }
    }

    /// Notes the exchange that was closed and forwards.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        let before = context.openExchanges
        base.finish(&context, ending)
        ledger.finished(openBefore: before, openNow: context.openExchanges)
    }
}
