// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Shortens the deadline of everything below it: of the whole request, or of one attempt up to its response's head.
///
/// It arms no timer. The deadline is a value that goes down to the transport, which enforces it. What came from the
/// caller is never extended: of both deadlines the earlier counts.
public struct DeadlineLayer<Base: Transport, Source: PolicySource>: Transport where Source.Policy: DeadlineRule {
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
    @usableFromInline let observers: ObserverSet

    /// Creates the layer.
    public init(
        _ base: Base,
        scope: Scope,
        source: Source,
        clock: any MeshClock,
        observers: ObserverSet = .none
    ) {
        self.base = base
        self.source = source
        self.scope = scope
        self.clock = clock
        self.observers = observers
    }

    /// Sends under the shorter of both deadlines.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        // One place where what is below is called: each further one would be another copy of it in inlined code.
        let rule = source.policy(for: context).flatMap { $0.mode == .disabled ? nil : $0 }
        var limit = Deadline.never
        // The attempt's is its own: the next one starts from what was there before.
        let outer = context.attemptDeadline
        if let rule {
            limit = Deadline(rule.timeout, after: context.instant(by: clock))
            if rule.mode == .enforce {
                if scope == .request {
                    context.deadline.shorten(to: limit)
                } else {
                    context.attemptDeadline.shorten(to: limit)
                }
            }
        }
        do {
            let response = try await base.send(request, context: &context)
            if let rule {
                if scope == .attempt { context.attemptDeadline = outer }
                if rule.mode == .observe { watched(rule, limit) }
            }
            return response
        } catch {
            guard let rule else { throw error }
            if scope == .attempt { context.attemptDeadline = outer }
            throw failed(error, rule, limit, context)
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    /// An answer came; says so if its time would have been over before the response's head.
    @usableFromInline
    func watched(_ rule: Source.Policy, _ limit: Deadline) {
        if limit.hasPassed(at: clock.now) { tell(rule, isEnforced: false) }
    }

    /// What an error means under the deadline.
    @usableFromInline
    func failed(_ error: any Error, _ rule: Source.Policy, _ limit: Deadline, _ context: CallContext) -> any Error {
        guard rule.mode == .enforce else {
            // A caller who gave up says nothing about the time that the peer takes.
            if !(error is CancellationError) { watched(rule, limit) }
            return error
        }
        guard var timedOut = error as? MeshError, timedOut.code == .deadlineExceeded else { return error }
        guard scope == .attempt else {
            guard context.deadline == limit else { return error }
            tell(rule, isEnforced: true)
            timedOut.flagInPlace = .upstreamRequestTimeout
            return timedOut
        }
        guard !context.deadline.hasPassed(at: clock.now) else { return error }
        tell(rule, isEnforced: true)
        timedOut.code = .attemptTimeout
        timedOut.message = "the attempt took longer than its timeout of \(rule.timeout.duration)"
        return timedOut
    }

    private func tell(_ rule: Source.Policy, isEnforced: Bool) {
        observers.policyActed(.timeout, name: rule.name, .timedOut, because: .deadline, isEnforced: isEnforced)
    }
}
