// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The place in a stack where an application's middleware runs; free of cost while it is empty.
public struct MiddlewareSlot<Base: Transport>: Transport {
    @usableFromInline let base: Base
    @usableFromInline let chain: (any Transport<Base.Request, Base.Response>)?

    /// Creates a slot; the first middleware is the outermost.
    public init(_ middleware: [any Middleware<Base.Request, Base.Response>], around base: Base) {
        self.base = base
        self.chain = middleware.isEmpty ? nil : Self.link(middleware[...], around: base)
    }

    private static func link(
        _ middleware: ArraySlice<any Middleware<Base.Request, Base.Response>>,
        around base: Base
    ) -> any Transport<Base.Request, Base.Response> {
        middleware.reversed().reduce(base as any Transport<Base.Request, Base.Response>) { below, current in
            MiddlewareTransport(middleware: current, below: below)
        }
    }

    /// Sends through the middleware, if there is any.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let chain else { return try await base.send(request, context: &context) }
        let response = try await chain.send(request, context: &context)
        context.timePassed()
        return response
    }

    /// Ends the exchange in every middleware and below.
    @inlinable
    @inline(__always)
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        guard let chain else { return base.finish(&context, ending) }
        chain.finish(&context, ending)
    }
}

/// One middleware in front of the rest of its stack.
struct MiddlewareTransport<Request: Sendable, Response: Sendable>: Transport {
    /// Tells this place in the stack from every other.
    private final class Place: Sendable {}

    private let middleware: any Middleware<Request, Response>
    private let below: any Transport<Request, Response>
    private let next: Next<Request, Response>
    private let place = Place()

    init(middleware: any Middleware<Request, Response>, below: any Transport<Request, Response>) {
        self.middleware = middleware
        self.below = below
        self.next = Next(below)
    }

    func send(_ request: Request, context: inout CallContext) async throws -> Response {
        let before = context.openExchanges
        do {
            let response = try await middleware.intercept(request, context: &context, next: next)
            if context.openExchanges == before {
                // It answered by itself, or discarded what it got. Its own answer is an exchange like any other.
                context.openExchanges += 1
                context.answeredBy = ObjectIdentifier(place)
            }
            return response
        } catch {
            // The middleware got an answer and threw all the same: nobody above will finish that answer.
            if context.openExchanges > before { below.finish(&context, ExchangeEnding(error: error)) }
            throw error
        }
    }

    func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        middleware.finish(&context, ending)
        if context.answeredBy == ObjectIdentifier(place) {
            context.answeredBy = nil
            context.openExchanges -= 1
        } else {
            below.finish(&context, ending)
        }
    }
}
