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
        guard let retry = source.policy(for: context) else { return try await base.send(request, context: &context) }
        retry.budget?.deposit(at: context.startedAt)
        var machine = RetryStateMachine(retry.policy)
        // Waits between attempts are measured against the request's own deadline, whatever an attempt may take.
        let deadline = context.deadline
        while true {
            let action: RetryStateMachine.Action
            do {
                let response = try await base.send(request, context: &context)
                let status = response.statusCode
                // The common case costs one comparison: nothing is retried below 400 but a gRPC status in a 200.
                let grpcStatus = status == 200 ? response.value(of: .grpcStatus).flatMap { Int($0) } : nil
                if status < 400, grpcStatus == nil || grpcStatus == 0 { return response }
                action = decide(.response(status: status, grpcStatus: grpcStatus), &machine, request, deadline)
                guard case .retry = action, withdraw(retry) else { return response }
                base.finish(&context, .discarded)
            } catch let error as MeshError {
                action = decide(.error(error.code, error.requestState), &machine, request, deadline)
                guard case .retry = action, withdraw(retry) else {
                    throw error.afterAttempts(context.attempt, action)
                }
            }
            context.deadline = deadline
            if case .retry(let wait) = action, wait > .zero {
                try await clock.sleep(until: clock.now.advanced(by: wait))
            }
            if retry.policy.avoidsPreviousEndpoints, let endpoint = context.endpoint {
                context.attemptedEndpoints.append(endpoint.address)
            }
            context.attempt += 1
            context.requestState = .notSent
        }
    }

    /// Ends the exchange of the attempt that was returned.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }

    @usableFromInline
    func decide(
        _ failure: RetryStateMachine.Failure,
        _ machine: inout RetryStateMachine,
        _ request: Base.Request,
        _ deadline: Deadline
    ) -> RetryStateMachine.Action {
        machine.attemptEnded(
            failure,
            isIdempotent: request.isIdempotent,
            isReplayable: request.isReplayable,
            deadline: deadline,
            at: clock.now,
            using: random
        )
    }

    @usableFromInline
    func withdraw(_ retry: Retry) -> Bool {
        guard let budget = retry.budget, !budget.withdraw(at: clock.now) else { return true }
        observers.noticed(.retryBudgetExhausted(cluster: budget.cluster))
        return false
    }
}

extension HeaderName {
    /// Where gRPC puts its status.
    @usableFromInline static let grpcStatus: HeaderName = "grpc-status"
}

extension MeshError {
    /// The error that the caller sees when no attempt follows: it says so if there had been others.
    @usableFromInline
    func afterAttempts(_ attempts: Int, _ action: RetryStateMachine.Action) -> MeshError {
        var error = self
        error.attempt = attempts
        guard attempts > 1, action == .stop(.attemptsExhausted) else { return error }
        var exhausted = MeshError(
            .retriesExhausted,
            origin: origin,
            requestState: requestState,
            message: "all \(attempts) attempts failed",
            cause: error
        )
        exhausted.attempt = attempts
        exhausted.route = route
        exhausted.cluster = cluster
        exhausted.endpoint = endpoint
        return exhausted
    }
}
