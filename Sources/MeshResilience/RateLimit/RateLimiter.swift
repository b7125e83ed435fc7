// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A token bucket that many requests share; usable alone around any async closure.
///
/// ```swift
/// let limiter = RateLimiter(RateLimitConfiguration(maximumTokens: 10, fillInterval: .milliseconds(100)))
/// try await limiter.run { try await call() }
/// ```
public final class RateLimiter: Sendable {
    /// The limit.
    public let configuration: RateLimitConfiguration
    private let clock: any MeshClock
    private let machine: Mutex<TokenBucketStateMachine>

    /// Creates a limiter with a full bucket.
    public init(_ configuration: RateLimitConfiguration, clock: any MeshClock = SystemClock()) {
        self.configuration = configuration
        self.clock = clock
        self.machine = Mutex(TokenBucketStateMachine(configuration, at: clock.now))
    }

    /// Takes a token.
    /// - Throws: `MeshError` with code `rateLimited` and the time after which it makes sense to try again.
    public func acquire() throws(MeshError) {
        let now = clock.now
        guard case .refused(let wait) = machine.withLock({ $0.tokenWanted(at: now) }) else { return }
        throw MeshError(
            .rateLimited,
            origin: .local,
            message:
                "the limit of \(configuration.tokensPerFill) requests per \(configuration.fillInterval.duration) is reached",
            retryAfter: wait,
            localReply: LocalReply(status: 429, body: "local_rate_limited")
        )
    }

    /// Runs an operation if there is a token for it.
    /// - Throws: `MeshError` with code `rateLimited`; else what the operation throws.
    public func run<Value>(_ operation: () async throws -> Value) async throws -> Value {
        try acquire()
        return try await operation()
    }
}
