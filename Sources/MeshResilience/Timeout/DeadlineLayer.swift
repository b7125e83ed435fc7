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
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let rule = source.policy(for: context), rule.mode != .disabled else {
            return try await base.send(request, context: &context)
        }
        let limit = Deadline(rule.timeout, after: clock.now)
        guard rule.mode == .enforce else { return try await watch(request, &context, rule, limit) }
        guard scope == .attempt else {
            context.deadline.shorten(to: limit)
            do {
                return try await base.send(request, context: &context)
            } catch {
                if context.deadline == limit, (error as? MeshError)?.code == .deadlineExceeded {
                    tell(rule, isEnforced: true)
                }
                throw error
            }
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
            tell(rule, isEnforced: true)
            timedOut.code = .attemptTimeout
            timedOut.message = "the attempt took longer than its timeout of \(rule.timeout.duration)"
            throw timedOut
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    /// Sends as if there were no deadline, and says so when its time would have been over before the response's head.
    @usableFromInline
    func watch(
        _ request: Base.Request,
        _ context: inout CallContext,
        _ rule: Source.Policy,
        _ limit: Deadline
    ) async throws -> Base.Response {
        do {
            let response = try await base.send(request, context: &context)
            if limit.hasPassed(at: clock.now) { tell(rule, isEnforced: false) }
            return response
        } catch {
            // A caller who gave up says nothing about the time that the peer takes.
            if !(error is CancellationError), limit.hasPassed(at: clock.now) { tell(rule, isEnforced: false) }
            throw error
        }
    }

    @usableFromInline
    func tell(_ rule: Source.Policy, isEnforced: Bool) {
        guard !observers.isEmpty else { return }
        let decision = PolicyDecision(
            .timeout,
            name: rule.name,
            .timedOut,
            because: .deadline,
            isEnforced: isEnforced
        )
        observers.noticed(.policyActed(decision))
    }
}
