// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Refuses requests to a route or a cluster that fails, as a whole.
///
/// An answer that its head already makes a failure is reported at its head; one that looks well is held until its
/// exchange ends, because its body may break yet. A request that a layer below or this process refused, and one that its
/// caller gave up, counts for nothing.
///
/// The source returns the same breaker for a request when it is sent and when it is finished. Of several such layers in
/// one stack the innermost holds the request until its end; the others report at the head.
public struct CircuitBreakerLayer<Base: Transport, Source: PolicySource<CircuitBreaker>>: Transport
where Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let classifier: ResponseClassifier

    /// Creates the layer.
    /// - Parameter classifier: Decides what counts as a failure.
    public init(_ base: Base, source: Source, classifier: ResponseClassifier = .standard) {
        self.base = base
        self.source = source
        self.classifier = classifier
    }

    /// Sends if the breaker lets the request pass.
    @inlinable
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        let breaker = source.policy(for: context)
        let entry = try breaker?.enter() ?? CircuitBreaker.Entry(permit: 0, startedAt: MeshInstant(nanoseconds: 0))
        let response: Base.Response
        do {
            response = try await base.send(request, context: &context)
        } catch {
            if entry.permit != 0 { breaker?.leave(entry, error, classifier) }
            throw error
        }
        guard entry.permit != 0, let breaker else { return response }
        let ending =
            breaker.readsFields
            ? breaker.ending(of: response, classifier)
            : CircuitBreakerStateMachine.Ending(classifier.outcome(status: response.statusCode))
        if ending.outcome == .success, !ending.isOverload, !context.heldPermits.contains(.circuitBreaker) {
            context.heldPermits.insert(.circuitBreaker)
            context.routeBreaker = ObjectIdentifier(breaker)
            context.routeBreakerPermit = entry.permit
            context.routeBreakerAdmittedAt = entry.startedAt
        } else {
            breaker.leave(entry, ending)
        }
        return response
    }

    /// Reports how the exchange ended, and ends it.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        // The permit may be that of another such layer below.
        if context.heldPermits.contains(.circuitBreaker), let breaker = source.policy(for: context),
            context.routeBreaker == ObjectIdentifier(breaker)
        {
            context.heldPermits.remove(.circuitBreaker)
            let entry = CircuitBreaker.Entry(
                permit: context.routeBreakerPermit,
                startedAt: context.routeBreakerAdmittedAt
            )
            switch ending {
            case .completed, .discarded: breaker.leaveWell(entry)
            case .failed(let error): breaker.leave(entry, error, classifier)
            case .cancelled: breaker.leave(entry, .ignored)
            }
        }
        base.finish(&context, ending)
    }
}

extension CircuitBreaker {
    /// What the head of a response says, if the configuration wants to know more than its status.
    @usableFromInline
    func ending(
        of response: some ResponseHead,
        _ classifier: ResponseClassifier
    ) -> CircuitBreakerStateMachine.Ending {
        let status = response.statusCode
        var ending = CircuitBreakerStateMachine.Ending(classifier.outcome(status: status))
        if configuration.recognizesOverload {
            // gRPC says so in a 200 without a body; a status that comes in trailers is not seen here.
            ending.isOverload = status == 429 || status == 200 && response.value(of: .grpcStatus) == "8"
        }
        guard configuration.maximumRetryAfter > .zero, ending.isOverload || ending.outcome == .failure else {
            return ending
        }
        // RFC 9110 §10.2.3 also allows a date, which needs a calendar and the peer's idea of today; it is overlooked.
        if let seconds = response.value(of: "retry-after").flatMap({ UInt64($0) }) {
            ending.retryAfter = .seconds(min(seconds, 86_400))
        } else if let milliseconds = response.value(of: "grpc-retry-pushback-ms").flatMap({ UInt64($0) }) {
            ending.retryAfter = .milliseconds(min(milliseconds, 86_400_000))
        }
        return ending
    }
}
