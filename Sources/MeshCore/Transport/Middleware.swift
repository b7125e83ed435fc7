// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Code of an application around a request: what users write.
///
/// `intercept` may change the request, call `next` once, several times or not at all, and change the answer. An answer
/// that it will not return it ends with `next.discard`, before it calls `next` again: a context carries one response at a
/// time. Middleware of the request's slot runs once a request, that of the attempt's slot once an attempt. Called from
/// any thread.
public protocol Middleware<Request, Response>: Sendable {
    /// What is sent.
    associatedtype Request: Sendable
    /// What comes back.
    associatedtype Response: Sendable

    /// Handles a request, usually by calling `next`.
    func intercept(
        _ request: Request,
        context: inout CallContext,
        next: Next<Request, Response>
    ) async throws -> Response

    /// The exchange whose `intercept` returned has ended. Called exactly once for each.
    func finish(_ context: inout CallContext, _ ending: ExchangeEnding)
}

extension Middleware {
    /// Does nothing.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {}
}

/// The rest of the stack below a middleware: a value, built once with the stack.
public struct Next<Request: Sendable, Response: Sendable>: Sendable {
    private let transport: any Transport<Request, Response>

    init(_ transport: any Transport<Request, Response>) {
        self.transport = transport
    }

    /// Passes the request on.
    public func callAsFunction(_ request: Request, context: inout CallContext) async throws -> Response {
        // A middleware may have waited before it got here.
        context.timePassed()
        return try await transport.send(request, context: &context)
    }

    /// Ends an answer that the middleware got from `next` and will not return.
    public func discard(_ context: inout CallContext) {
        guard context.openExchanges > 0 else { return }
        transport.finish(&context, .discarded)
    }
}
