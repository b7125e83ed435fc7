// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// The rate limiters of the configuration before, so that a push does not refill a bucket whose limit did not change.
struct RateLimiterPool {
    /// The limiters of the new configuration, by their places. Routes that share a name have one place, in their order.
    private(set) var made: [String: [RateLimiter]] = [:]
    private let known: [String: [RateLimiter]]
    private let clock: any MeshClock
    private let observers: ObserverSet

    init(previous: RuntimeSnapshot, clock: any MeshClock, observers: ObserverSet) {
        self.known = previous.rateLimiters
        self.clock = clock
        self.observers = observers
    }

    /// The limiter of a place in the configuration.
    mutating func limiter(_ place: String, _ configuration: RateLimitConfiguration) -> RateLimiter {
        let position = made[place]?.count ?? 0
        let limiter =
            if let before = known[place], position < before.count, before[position].configuration == configuration {
                before[position]
            } else {
                RateLimiter(validated: configuration, name: place, observers: observers, clock: clock)
            }
        made[place, default: []].append(limiter)
        return limiter
    }
}
