// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// The rate limiters of the configuration before, so that a push does not refill a bucket whose limit did not change.
struct RateLimiterPool {
    private var known: [String: RateLimiter] = [:]
    private let clock: any MeshClock

    init(previous: RuntimeSnapshot, clock: any MeshClock) {
        self.clock = clock
        for (name, limiter) in previous.rateLimiters { known[name] = limiter }
    }

    /// The limiter of a place in the configuration.
    func limiter(_ name: String, _ configuration: RateLimitConfiguration) -> RateLimiter {
        if let limiter = known[name], limiter.configuration == configuration { return limiter }
        return RateLimiter(configuration, clock: clock)
    }
}

extension RuntimeSnapshot {
    fileprivate var rateLimiters: [(String, RateLimiter)] {
        let outbound = routes.values.compactMap { route in
            route.selections.first?.rateLimiter.map { ("\(route.listener) \(route.name)", $0) }
        }
        let inbound = inbound.values.compactMap { inbound in
            inbound.rateLimiter.map { ("inbound \(inbound.listener.name)", $0) }
        }
        return outbound + inbound
    }
}
