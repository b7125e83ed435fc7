// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Asks a rate limit service, and decides by what it answers or by its silence.
///
/// ```swift
/// let limiter = try GlobalRateLimiter(GlobalRateLimitConfiguration(domain: "shop"), service: service)
/// let question = RateLimitQuestion(limiter, descriptors: [RateLimitDescriptor([.init("user", user)])])
/// let passage = try await limiter.ask(question)
/// ```
///
/// No request is held longer than the timeout, whatever the service does.
public final class GlobalRateLimiter: Sendable {
    /// What a request that may pass takes along.
    public struct Passage: Hashable, Sendable {
        /// Header fields that the request gets.
        public var requestHeaders: [LocalReply.Header] = []
        /// Header fields that the response gets.
        public var responseHeaders: [LocalReply.Header] = []
        /// What the service knows of the request.
        public var metadata: [String: MetadataValue] = [:]
    }

    /// How the service is asked, and what its answers mean.
    public let configuration: GlobalRateLimitConfiguration
    /// What it stands on, for observers.
    public let name: String
    private let service: any RateLimitService
    private let patience: Timeout
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let random: MeshRandom

    /// Creates a limiter.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: GlobalRateLimitConfiguration,
        service: any RateLimitService,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        timers: TimerWheel? = nil,
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(
            validated: configuration,
            service: service,
            name: name,
            observers: observers,
            timers: timers ?? .serving(clock),
            random: random
        )
    }

    /// Creates a limiter of a configuration that was validated at the edge.
    package init(
        validated configuration: GlobalRateLimitConfiguration,
        service: any RateLimitService,
        name: String,
        observers: ObserverSet,
        timers: TimerWheel,
        random: MeshRandom
    ) {
        self.configuration = configuration
        self.service = service
        self.name = name
        self.observers = observers
        self.clock = timers.clock
        self.random = random
        // Its observers are not told: what a timeout means is decided here, and said here.
        self.patience = Timeout(
            // As many as may be: a caller that found no room for one more would have to wait for the service.
            validated: TimeoutConfiguration(duration: configuration.timeout, maximumAbandoned: 1_000_000),
            name: name,
            observers: .none,
            timers: timers
        )
    }

    /// Asks whether a request may pass.
    /// - Parameters:
    ///   - question: What is asked.
    ///   - deadline: The request's own; the service hears of the earlier one.
    /// - Returns: What a request that may pass takes along.
    /// - Throws: `MeshError` with code `rateLimited`, or `rateLimitUnavailable` if the service cannot be asked and such
    ///   requests are refused, each with the answer for the caller; `CancellationError`.
    public func ask(_ question: RateLimitQuestion, until deadline: Deadline = .never) async throws -> Passage {
        guard configuration.mode != .disabled, !question.descriptors.isEmpty else { return Passage() }
        let verdict: RateLimitVerdict
        do {
            var limit = Deadline(configuration.timeout, after: clock.now)
            limit.shorten(to: deadline)
            let (service, descriptors, hits) = (service, question.descriptors, question.hits)
            let (domain, end) = (question.domain ?? configuration.domain, limit)
            verdict = try await patience.runAbandoning {
                try await service.shouldRateLimit(domain: domain, descriptors: descriptors, hits: hits, deadline: end)
            }
        } catch {
            // Whoever gave up wants no decision.
            if Task.isCancelled { throw CancellationError() }
            return try failed(error, question)
        }
        return try answered(verdict, question)
    }

    /// An error of `ask` with the answer in the form that the request's caller understands.
    /// - Parameter decorate: Adds to the answer of a refusal.
    public func adapted(
        _ error: MeshError,
        to request: some RequestHead,
        decorate: (inout LocalReply) -> Void = { _ in }
    ) -> MeshError {
        guard var reply = error.localReply else { return error }
        var error = error
        guard error.code == .rateLimited else {
            error.localReply = reply.adapted(to: request)
            return error
        }
        decorate(&reply)
        if configuration.sendsRetryAfter, reply.status == 429, reply.value(of: "retry-after") == nil,
            let wait = error.retryAfter
        {
            reply.setValue("\(wait.rawValue / 1_000_000_000)", for: "retry-after")
        }
        error.localReply = reply.adapted(to: request, grpcStatus: configuration.refusesAsResourceExhausted ? 8 : nil)
        return error
    }

    private func answered(_ verdict: RateLimitVerdict, _ question: RateLimitQuestion) throws(MeshError) -> Passage {
        var passage = Passage()
        passage.metadata = verdict.metadata
        passage.responseHeaders = verdict.responseHeaders
        if verdict.isOverLimit, configuration.marksRefusals {
            passage.responseHeaders.removeAll { $0.name == "x-envoy-ratelimited" }
            passage.responseHeaders.append(LocalReply.Header("x-envoy-ratelimited", "true"))
        }
        passage.responseHeaders += verdict.limitHeaders(for: question.descriptors, standard: configuration.headers)
        guard verdict.isOverLimit else {
            passage.requestHeaders = verdict.requestHeaders
            return passage
        }
        let isEnforced = configuration.mode == .enforce && question.enforced.contains(random.next())
        observers.policyActed(.rateLimit, name: name, .refused, because: .limit, isEnforced: isEnforced)
        guard isEnforced else {
            passage.requestHeaders = verdict.requestHeaders
            return passage
        }
        let seconds = verdict.secondsToRetry
        let answer = LocalReply(
            status: configuration.refusalStatus,
            body: verdict.body,
            headers: passage.responseHeaders
        )
        throw MeshError(
            .rateLimited,
            origin: .local,
            message: "the rate limit service counts more requests than the limit lets pass",
            reason: .limit,
            retryAfter: seconds.map { .seconds($0) },
            localReply: answer
        )
    }

    /// The service did not answer, or not in time.
    private func failed(_ error: any Error, _ question: RateLimitQuestion) throws(MeshError) -> Passage {
        let refuses = question.refusedOnFailure.map { $0.contains(random.next()) } ?? configuration.refusesOnFailure
        let isEnforced = configuration.mode == .enforce
        guard refuses else {
            observers.policyActed(.rateLimit, name: name, .fellBack, because: .failure, isEnforced: isEnforced)
            return Passage()
        }
        observers.policyActed(.rateLimit, name: name, .refused, because: .failure, isEnforced: isEnforced)
        guard isEnforced else { return Passage() }
        throw MeshError(
            .rateLimitUnavailable,
            origin: .local,
            message: "the rate limit service did not answer, and such requests are refused",
            cause: error,
            reason: .failure,
            localReply: LocalReply(status: configuration.failureStatus)
        )
    }
}
