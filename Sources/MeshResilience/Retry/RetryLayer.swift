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
    @inline(__always)
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        // The first attempt is inlined, so that one that succeeds calls nothing of this layer; all that follows a failure
        // stands apart, with the only other copy of what is below.
        context.attempt = 1
        let retry = source.policy(for: context).flatMap { $0.isEnabled ? $0 : nil }
        let balanceAtStart = retry?.requestBegan(at: context.startedAt) ?? .infinity
        // Waits between attempts are measured against the request's own deadline, whatever an attempt may take.
        let deadline = context.deadline
        let response: Base.Response
        do {
            response = try await base.send(request, context: &context)
        } catch {
            guard let retry else { throw error }
            guard let error = error as? MeshError else {
                retry.requestEnded()
                throw error
            }
            let call = RetryCall(retry, startedAt: context.startedAt, balanceAtStart: balanceAtStart)
            return try await sendAgain(request, after: .failure(error), call, retry, deadline, context: &context)
        }
        guard let retry else { return response }
        if !retry.examinesSuccesses, isPlainSuccess(response) {
            if retry.hearsEndings {
                retry.requestSucceeded()
                handOver(retry, &context)
            }
            return response
        }
        let call = RetryCall(retry, startedAt: context.startedAt, balanceAtStart: balanceAtStart)
        return try await sendAgain(request, after: .success(response), call, retry, deadline, context: &context)
    }

    /// Sends again, as often as it makes sense, after an attempt that has ended.
    @inlinable
    @inline(never)
    func sendAgain(
        _ request: Base.Request,
        after first: Result<Base.Response, MeshError>,
        _ call: consuming RetryCall,
        _ retry: Retry,
        _ deadline: Deadline,
        context: inout CallContext
    ) async throws -> Base.Response {
        var outcome = first
        while true {
            let action: RetryStateMachine.Action
            switch outcome {
            case .success(let response):
                if !retry.examinesSuccesses, isPlainSuccess(response) {
                    call.succeeded()
                    handOver(&call, retry, &context)
                    return response
                }
                action = decide(response, &call, retry, request, deadline, isRPC: context.isRPC)
                guard case .retry = action else {
                    handOver(&call, retry, &context)
                    return response
                }
                base.finish(&context, .discarded)
                context.isTimeoutRetry = false
            case .failure(let error):
                action = decide(error, &call, retry, request, deadline, isRPC: context.isRPC)
                context.isTimeoutRetry = error.code == .attemptTimeout
                guard case .retry = action else {
                    // Where nothing is ever sent again the attempts are hedges, and this is what came of them.
                    let isFinal = retry.policy.maximumAttempts == 1
                    throw error.afterAttempts(context.attempt, isFinal ? .stop(.notRetriable) : action)
                }
            }
            context.deadline = deadline
            try await action.sleep(on: clock)
            if !retry.policy.avoidsPreviousEndpoints {
                // Nor those that hedges went to.
                context.attemptedEndpoints.removeAll()
            } else if let endpoint = context.endpoint {
                context.attemptedEndpoints.append(endpoint.address)
            }
            context.attempt += 1
            context.requestState = .notSent
            do {
                let again = marked(request, as: context.attempt, retry)
                outcome = .success(try await base.send(again, context: &context))
            } catch let error as MeshError {
                outcome = .failure(error)
            }
        }
    }

    /// Whether nothing about a response can be worth a retry by its status: nothing is retried below 400 but a gRPC status.
    @inlinable
    @inline(__always)
    func isPlainSuccess(_ response: Base.Response) -> Bool {
        guard response.statusCode < 400 else { return false }
        guard let grpcStatus = response.value(of: .grpcStatus) else { return true }
        return Int(grpcStatus) ?? 0 == 0
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
    func handOver(_ call: inout RetryCall, _ retry: Retry, _ context: inout CallContext) {
        if call.handOver() { handOver(retry, &context) }
    }

    @inlinable
    func handOver(_ retry: Retry, _ context: inout CallContext) {
        if context.heldPermits.insert(.retryBudget).inserted { return }
        // A retry further in holds the bit, and with it the one place that a request has in `finish`.
        retry.requestEnded()
    }

    @usableFromInline
    func decide(
        _ response: Base.Response,
        _ call: inout RetryCall,
        _ retry: Retry,
        _ request: Base.Request,
        _ deadline: Deadline,
        isRPC: Bool
    ) -> RetryStateMachine.Action {
        var grpcStatus = response.value(of: .grpcStatus).flatMap { Int($0) }
        // What a call is answered with by somebody who does not speak gRPC has a status all the same.
        if isRPC, grpcStatus == nil, response.statusCode != 200 {
            grpcStatus = LocalReply.grpcStatus(ofHTTP: response.statusCode)
        }
        var attempt = RetryCall.Attempt(
            .response(status: response.statusCode, grpcStatus: grpcStatus),
            isIdempotent: request.isIdempotent,
            isAlreadyRetried: isAlreadyRetried(request, retry)
        )
        attempt.isReplayable = request.isReplayable && retry.policy.mayRepeat(request)
        attempt.pushback = RetryPushback(response, retry.policy, retry.wallClock)
        attempt.isRateLimited = response.value(of: "x-envoy-ratelimited") != nil
        attempt.hasRetriableHeader = retry.policy.namesHeader(of: response)
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
        _ deadline: Deadline,
        isRPC: Bool
    ) -> RetryStateMachine.Action {
        var attempt = RetryCall.Attempt(
            error,
            retry.policy,
            isIdempotent: request.isIdempotent,
            isAlreadyRetried: isAlreadyRetried(request, retry)
        )
        attempt.isReplayable = request.isReplayable && retry.policy.mayRepeat(request)
        if isRPC { attempt.isNamedByStatus = retry.policy.names(rpcFailure: error) }
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
