// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A transport that reaches nobody: a closure makes the response.
public struct LocalAnswer<Request: Sendable, Response: Sendable>: Transport {
    private let answer: @Sendable (Request) async throws -> Response

    /// Creates a transport.
    public init(_ answer: @escaping @Sendable (Request) async throws -> Response) {
        self.answer = answer
    }

    /// Makes the response.
    public func send(_ request: Request, context: inout CallContext) async throws -> Response {
        let response = try await answer(request)
        context.requestState = .answered
        context.openExchanges += 1
        return response
    }

    /// Ends the exchange, which holds nothing.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        context.openExchanges -= 1
    }
}
