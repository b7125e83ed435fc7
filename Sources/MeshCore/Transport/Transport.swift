// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One request to one endpoint, or a layer around one: the seam that everything on the request path is made of.
///
/// An implementer guarantees:
/// - `send` returns when the response's head has arrived. A body is read afterwards, through the response.
/// - `send` observes the context's `headDeadline` and the task's cancellation, keeps `context.requestState` exact, and
///   throws `MeshError` for everything that happens on the network. The body observes the context's `deadline`.
/// - Every `send` that returned is followed by exactly one `finish`, made by whoever consumes the response:
///   `withResponse`, a layer that discards an answer, or an adapter at the end of the body. A `send` that threw is not.
/// - A layer forwards `finish` to the transport it wraps exactly when that transport's `send` returned.
///
/// Both are called from any thread. Use `Middleware` for code of an application: it costs more and needs no generics.
/// `TransportContract` of `MeshTesting` checks an implementation against these rules.
public protocol Transport<Request, Response>: Sendable {
    /// What is sent.
    associatedtype Request: Sendable
    /// What comes back, at the response's head.
    associatedtype Response: Sendable

    /// Sends a request and returns at the response's head.
    func send(_ request: Request, context: inout CallContext) async throws -> Response

    /// Ends the exchange whose `send` returned: its counts close here, its connection is free again.
    func finish(_ context: inout CallContext, _ ending: ExchangeEnding)
}

extension Transport {
    /// Sends a request, hands the response to `body`, and ends the exchange when `body` returns or throws.
    /// - Throws: what sending throws, and what `body` throws.
    @inlinable
    public func withResponse<Result>(
        to request: Request,
        context: inout CallContext,
        _ body: (Response) async throws -> Result
    ) async throws -> Result {
        let response = try await send(request, context: &context)
        let result: Result
        do {
            result = try await body(response)
        } catch {
            finish(&context, ExchangeEnding(error: error))
            throw error
        }
        finish(&context, .completed)
        return result
    }
}
