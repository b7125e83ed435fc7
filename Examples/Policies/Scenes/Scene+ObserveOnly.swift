// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension Scene {
    /// The same policies twice: dry, and in force.
    static let observeOnly = Scene(
        name: "observe-only",
        claim: "a policy in observe mode counts what it would have done, and does nothing"
    ) { stage in
        let dry = try await callsThatArrive(.observe, &stage)
        let real = try await callsThatArrive(.enforce, &stage)
        stage.say("of \(attempts) calls \(dry) arrived while the policies observed, and \(real) under enforcement")
        stage.expect(dry == attempts, "nothing was kept from the peer while the policies observed")
        stage.expect(real == failuresToOpen, "under enforcement the breaker opened after \(failuresToOpen) failures")
    }

    private static let attempts = 12
    private static let rate = 8
    private static let failuresToOpen = 4

    /// Calls a peer that fails, and says how many calls it got.
    private static func callsThatArrive(_ mode: PolicyMode, _ stage: inout Stage) async throws -> Int {
        let decisions = DecisionCounter()
        let limiter = try RateLimiter(
            RateLimitConfiguration(rate: rate, per: .seconds(60), mode: mode),
            name: "ratings",
            observers: decisions.alone
        )
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(failureRate: 0.5, minimumCalls: failuresToOpen, mode: mode),
            name: "ratings",
            observers: decisions.alone
        )
        let peer = Peer.failing()
        for _ in 0..<attempts {
            _ = try? await limiter.run { try await breaker.run { try await peer.answer() } }
        }
        stage.say("what observers heard in mode \(mode.rawValue):")
        stage.say(decisions.table)
        let isEnforced = mode == .enforce
        let limited = decisions.count(.rateLimit, .refused, isEnforced: isEnforced)
        stage.expect(limited == attempts - rate, "the rate limit told of \(attempts - rate) refusals")
        // An enforcing limit has kept the last calls from the breaker already; an observing one lets it see them all.
        let seen = isEnforced ? rate : attempts
        let refused = decisions.count(.circuitBreaker, .refused, isEnforced: isEnforced)
        stage.expect(refused == seen - failuresToOpen, "the breaker told of \(seen - failuresToOpen) refusals")
        let opposite = decisions.count(.rateLimit, .refused, isEnforced: !isEnforced)
        stage.expect(opposite == 0, "none of them is told as the other mode's")
        return peer.calls
    }
}
