// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Shortens the deadline of everything below it: of the whole request, or of one attempt up to its response's head.
///
/// It arms no timer. The deadline is a value that goes down to the transport, which enforces it.
public struct DeadlineLayer<Base: Transport, Source: PolicySource<Nanoseconds>>: Transport {
    /// What the deadline is for.
    public enum Scope: Sendable {
        /// All attempts together, and the body.
        case request
        /// One attempt; a deadline that passes is an `attemptTimeout`, after which another attempt may follow.
        ///
        /// It ends with the response's head, as Envoy's does: no other attempt can take the place of a response that
        /// has begun, and its body has the time that the request has.
        case attempt
    }

    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let scope: Scope
    @usableFromInline let clock: any MeshClock

    /// Creates the layer.
    public init(_ base: Base, scope: Scope, source: Source, clock: any MeshClock) {
        self.base = base
        self.source = source
        self.scope = scope
        self.clock = clock
    }

    /// Sends under the shorter of both deadlines.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let timeout = source.policy(for: context) else { return try await base.send(request, context: &context) }
        let limit = Deadline(timeout, after: clock.now)
        guard scope == .attempt else {
            context.deadline.shorten(to: limit)
            return try await base.send(request, context: &context)
        }
        // It is this attempt's alone: the next one starts from what was there before.
        let outer = context.attemptDeadline
        defer { context.attemptDeadline = outer }
        context.attemptDeadline.shorten(to: limit)
        do {
            return try await base.send(request, context: &context)
        } catch {
            guard var timedOut = error as? MeshError, timedOut.code == .deadlineExceeded,
                !context.deadline.hasPassed(at: clock.now)
            else { throw error }
            timedOut.code = .attemptTimeout
            timedOut.message = "the attempt took longer than its timeout of \(timeout.duration)"
            throw timedOut
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
