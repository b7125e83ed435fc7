// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Sends a request again while its route's policy says so.
///
/// Below it runs everything that belongs to one attempt: the attempt's deadline, the pick of an endpoint, the exchange.
public struct RetryLayer<Base: Transport, Source: PolicySource<Retry>>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source
    @usableFromInline let clock: any MeshClock
    @usableFromInline let random: MeshRandom
    @usableFromInline let observers: ObserverSet

    /// Creates the layer.
    ///
    /// Its clock, randomness and observers take the place of those of the `Retry` that the source returns.
    public init(
        _ base: Base,
        source: Source,
        clock: any MeshClock,
        random: MeshRandom,
        observers: ObserverSet = .none
    ) {
        self.base = base
        self.source = source
        self.clock = clock
        self.random = random
        self.observers = observers
    }

    /// Sends, and sends again while the policy says so.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        context.attempt = 1
        guard let retry = source.policy(for: context), retry.policy.mode != .disabled else {
            return try await base.send(request, context: &context)
        }
        var call = RetryCall(retry, startedAt: context.startedAt)
        // Waits between attempts are measured against the request's own deadline, whatever an attempt may take.
        let deadline = context.deadline
        while true {
            let action: RetryStateMachine.Action
            do {
                let response = try await base.send(
                    context.attempt == 1 ? request : marked(request, as: context.attempt, retry),
                    context: &context
                )
                let status = response.statusCode
                // The common case costs one comparison: nothing is retried below 400 but a gRPC status in a 200.
                let grpcStatus = status == 200 ? response.value(of: .grpcStatus).flatMap { Int($0) } : nil
                if status < 400, grpcStatus == nil || grpcStatus == 0 {
                    guard retry.examinesSuccesses else {
                        call.succeeded()
                        handOver(&call, &context)
                        return response
                    }
                }
                action = decide(response, grpcStatus: grpcStatus, &call, retry, request, deadline)
                guard case .retry = action else {
                    handOver(&call, &context)
                    return response
                }
                base.finish(&context, .discarded)
            } catch let error as MeshError {
                action = decide(error, &call, retry, request, deadline)
                guard case .retry = action else { throw error.afterAttempts(context.attempt, action) }
            }
            context.deadline = deadline
            try await action.sleep(on: clock)
            if retry.policy.avoidsPreviousEndpoints, let endpoint = context.endpoint {
                context.attemptedEndpoints.append(endpoint.address)
            }
            context.attempt += 1
            context.requestState = .notSent
        }
    }

    /// Ends the exchange of the attempt that was returned, and with it the request.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        if context.heldPermits.contains(.retryBudget) {
            context.heldPermits.remove(.retryBudget)
            source.policy(for: context)?.budget?.requestEnded()
        }
        base.finish(&context, ending)
    }

    /// A request whose response goes to the caller is under way until it is finished.
    @usableFromInline
    func handOver(_ call: inout RetryCall, _ context: inout CallContext) {
        guard call.handOver() else { return }
        if context.heldPermits.insert(.retryBudget).inserted { return }
        // A retry further in holds the bit, and with it the one place that a request has in `finish`.
        source.policy(for: context)?.budget?.requestEnded()
    }

    @usableFromInline
    func decide(
        _ response: Base.Response,
        grpcStatus: Int?,
        _ call: inout RetryCall,
        _ retry: Retry,
        _ request: Base.Request,
        _ deadline: Deadline
    ) -> RetryStateMachine.Action {
        var attempt = RetryCall.Attempt(
            .response(status: response.statusCode, grpcStatus: grpcStatus),
            isIdempotent: request.isIdempotent,
            isAlreadyRetried: isAlreadyRetried(request, retry)
        )
        attempt.isReplayable = request.isReplayable
        attempt.pushback = RetryPushback(response, retry.policy, retry.wallClock)
        attempt.isRateLimited = response.value(of: "x-envoy-ratelimited") != nil
        let action = call.attemptEnded(
            attempt,
            deadline: deadline,
            at: clock.now,
            random: random.next(),
            observers
        )
        if action == .stop(.notRetriable), response.statusCode < 400, grpcStatus ?? 0 == 0 { call.succeeded() }
        return action
    }

    @usableFromInline
    func decide(
        _ error: MeshError,
        _ call: inout RetryCall,
        _ retry: Retry,
        _ request: Base.Request,
        _ deadline: Deadline
    ) -> RetryStateMachine.Action {
        var attempt = RetryCall.Attempt(
            error,
            retry.policy,
            isIdempotent: request.isIdempotent,
            isAlreadyRetried: isAlreadyRetried(request, retry)
        )
        attempt.isReplayable = request.isReplayable
        return call.attemptEnded(attempt, deadline: deadline, at: clock.now, random: random.next(), observers)
    }

    /// Tells those behind that they see a retry, so that they make none of their own.
    @usableFromInline
    func marked(_ request: Base.Request, as attempt: Int, _ retry: Retry) -> Base.Request {
        guard let chainStop = retry.policy.chainStop else { return request }
        var request = request
        request.setValue(String(attempt), for: chainStop.header)
        return request
    }

    private func isAlreadyRetried(_ request: Base.Request, _ retry: Retry) -> Bool {
        guard let chainStop = retry.policy.chainStop, let value = request.value(of: chainStop.header) else {
            return false
        }
        return chainStop.marksRetry(value)
    }
}

extension HeaderName {
    /// Where gRPC puts its status.
    @usableFromInline static let grpcStatus: HeaderName = "grpc-status"
}
