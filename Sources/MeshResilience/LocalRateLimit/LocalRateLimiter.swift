// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A rate limit by descriptors that many requests share; usable alone, too.
///
/// ```swift
/// let limiter = try LocalRateLimiter(
///     LocalRateLimitConfiguration(limits: [
///         .init([.init("user", "")], bucket: .init(maximumTokens: 10, fillInterval: .seconds(1)))
///     ]),
///     name: "per user"
/// )
/// let answer = limiter.ask([RateLimitDescriptor([.init("user", user)])])
/// ```
public final class LocalRateLimiter: Sendable {
    /// The limits.
    public let configuration: LocalRateLimitConfiguration
    /// What it stands on, for observers.
    public let name: String
    private let observers: ObserverSet
    private let clock: any MeshClock
    private let random: MeshRandom
    private let machine: Mutex<LocalRateLimitStateMachine>

    /// Creates a limiter that nobody has used.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ configuration: LocalRateLimitConfiguration,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.init(validated: configuration, name: name, observers: observers, clock: clock, random: random)
    }

    /// Creates a limiter of a configuration that was validated at the edge.
    package init(
        validated configuration: LocalRateLimitConfiguration,
        name: String,
        observers: ObserverSet,
        clock: any MeshClock,
        random: MeshRandom
    ) {
        self.configuration = configuration
        self.name = name
        self.observers = observers
        self.clock = clock
        self.random = random
        self.machine = Mutex(LocalRateLimitStateMachine(configuration, at: clock.now))
    }

    /// What becomes of a request.
    public enum Verdict: Hashable, Sendable {
        /// It passes.
        case passed
        /// It would have been refused, and passes all the same.
        case marked
        /// It is refused.
        case refused
    }

    /// A verdict, and the fields in which the answer speaks of it.
    public struct Ruling: Hashable, Sendable {
        /// What becomes of the request.
        public var verdict: Verdict
        /// Header fields that the response gets.
        public var responseHeaders: [LocalReply.Header] = []
        /// After how many seconds it makes sense to try again; `nil` if nobody knows.
        public var secondsToRetry: UInt64?
    }

    /// Takes tokens for a request, and says whether it may pass.
    /// - Parameters:
    ///   - descriptors: What it is counted under.
    ///   - enforced: The share of requests above the limit that are refused (`filter_enforced`).
    public func rule(_ descriptors: [RateLimitDescriptor], enforced: FractionalPercent = .all) -> Ruling {
        guard configuration.mode != .disabled else { return Ruling(verdict: .passed) }
        let now = clock.now
        let answer = machine.withLock { $0.requestCame(descriptors, at: now) }
        var ruling = Ruling(verdict: .passed)
        if let level = answer.level {
            ruling.secondsToRetry = level.secondsToReset
            if (answer.headers ?? configuration.headers) == .draft03 {
                ruling.responseHeaders = [
                    LocalReply.Header("x-ratelimit-limit", "\(level.maximum)"),
                    LocalReply.Header("x-ratelimit-remaining", "\(level.remaining)"),
                    LocalReply.Header("x-ratelimit-reset", "\(level.secondsToReset)"),
                ]
            }
        }
        guard !answer.isAllowed else { return ruling }
        let isEnforced = configuration.mode == .enforce && !answer.isShadow && enforced.contains(random.next())
        observers.policyActed(.rateLimit, name: name, .refused, because: .limit, isEnforced: isEnforced)
        // What only counts leaves no mark, either.
        ruling.verdict = isEnforced ? .refused : answer.isShadow ? .passed : .marked
        return ruling
    }

    /// The error of a refused request, with the answer in the form that its caller understands.
    /// - Parameter decorate: Adds to the answer.
    public func refusal(
        _ ruling: Ruling,
        of request: some RequestHead,
        decorate: (inout LocalReply) -> Void = { _ in }
    ) -> MeshError {
        var reply = LocalReply(status: configuration.refusalStatus, body: "local_rate_limited")
        decorate(&reply)
        if configuration.sendsRetryAfter, reply.status == 429, reply.value(of: "retry-after") == nil,
            let seconds = ruling.secondsToRetry
        {
            reply.setValue("\(max(seconds, 1))", for: "retry-after")
        }
        reply.headers += ruling.responseHeaders
        return MeshError(
            .rateLimited,
            origin: .local,
            message: "the local rate limit is reached",
            reason: .limit,
            retryAfter: ruling.secondsToRetry.map { .seconds($0) },
            localReply: reply.adapted(to: request, grpcStatus: configuration.refusesAsResourceExhausted ? 8 : nil)
        )
    }
}
