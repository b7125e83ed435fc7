// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Synchronization

/// What limits the calls in a time, with permits left for every one of them.
func rateBenchmarks() -> [Benchmark] {
    let leaf = MinimalTransport()
    let algorithms: [(String, RateLimitConfiguration.Algorithm)] = [
        ("token-bucket", .tokenBucket), ("smooth", .smooth), ("sliding-window", .slidingWindow),
    ]
    let keyed = valid {
        try KeyedRateLimiter<String>(KeyedRateLimitConfiguration(limit: plenty(.tokenBucket)))
    }
    let adaptive = valid { try AdaptiveRateLimit() }
    return algorithms.flatMap { name, algorithm in
        let limiter = valid { try RateLimiter(plenty(algorithm)) }
        return layered("policy/rate-\(name)", RateLimitLayer(leaf, source: FixedPolicy(limiter))).withTwoThreads
    }
        + [layered("policy/rate-sliding-log", RateLimitLayer(leaf, source: FixedPolicy(log)))]
        + layered(
            "policy/rate-keyed",
            KeyedRateLimitLayer(leaf, source: FixedPolicy(keyed), key: .header("tenant")),
            MinimalRequest(header: ("tenant", "seven"))
        ).withTwoThreads
        + layered("policy/rate-adaptive", AdaptiveRateLimitLayer(leaf, source: FixedPolicy(adaptive))).withTwoThreads
}

/// More permits than calls can be made. Smooth ones are a nanosecond apart, the shortest time that there is.
func plenty(_ algorithm: RateLimitConfiguration.Algorithm) -> RateLimitConfiguration {
    RateLimitConfiguration(
        maximumTokens: Int(UInt32.max),
        tokensPerFill: algorithm == .smooth ? 1_000_000 : Int(UInt32.max),
        fillInterval: .milliseconds(1),
        algorithm: algorithm
    )
}

/// The longest log that there is. By the system's clock a fast machine would fill it; a thread that is held up behind its
/// look at this one is too far behind another, so that only one uses it.
private let log = valid {
    try RateLimiter(
        RateLimitConfiguration(
            maximumTokens: 10_000,
            tokensPerFill: 10_000,
            fillInterval: .milliseconds(1),
            algorithm: .slidingLog
        ),
        clock: SteppingClock()
    )
}

/// Time that goes on by a microsecond with each look at it.
private final class SteppingClock: MeshClock {
    private let nanoseconds = Atomic<UInt64>(0)

    var now: MeshInstant { MeshInstant(nanoseconds: nanoseconds.wrappingAdd(1_000, ordering: .relaxed).newValue) }

    func sleep(until deadline: MeshInstant) async throws {
        fatalError("nothing waits for it")
    }
}
