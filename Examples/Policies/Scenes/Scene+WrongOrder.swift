// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension Scene {
    /// What the validator says about an order, and what that order does.
    static let wrongOrder = Scene(
        name: "order",
        claim: "an order of policies that does harm is refused, with the harm that it does"
    ) { stage in
        let timeout = Timeout(.seconds(10))
        let retry = try Retry(RetryPolicy(conditions: .serverError, backoff: .none), budget: nil)
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration())
        let bulkhead = try Bulkhead()
        let wrong: [(what: String, policies: [any ResiliencePolicy])] = [
            ("retry inside the breaker", [breaker, retry]),
            ("total timeout inside the retry", [retry, timeout]),
            (
                "retry inside the bulkhead, and a timeout of each attempt around all of them",
                [timeout.perAttempt, bulkhead, retry]
            ),
            ("one retry inside another", [retry, retry]),
        ]
        for (what, policies) in wrong {
            do {
                _ = try PolicyPipeline(outermostFirst: policies)
                stage.expect(false, "refused: \(what)")
            } catch let error as ConfigurationError {
                stage.say(error.description)
                stage.expect(!error.problems.isEmpty, "refused: \(what)")
            }
        }
        let sorted = try PolicyPipeline("ratings", [timeout.perAttempt, breaker, bulkhead, retry, timeout])
        let slots = sorted.describe().policies.map(\.slot)
        stage.say("sorted: \(slots.map(\.description).joined(separator: " > "))")
        stage.expect(sorted.describe().problems.isEmpty, "the canonical order of the same policies has no problem")

        let right = try await callsUntilOpen(isRetryOutside: true)
        let harmful = try await callsUntilOpen(isRetryOutside: false)
        stage.say("a peer that fails got \(right) calls before the circuit opened, \(harmful) with the retry inside")
        stage.expect(right == failuresToOpen, "with the retry outside, every attempt counts for the breaker")
        stage.expect(harmful == failuresToOpen * attempts, "with the retry inside, \(attempts) attempts count as one")
    }

    private static let attempts = 3
    private static let failuresToOpen = 4

    /// How many calls a peer gets that fails, until the breaker opens.
    private static func callsUntilOpen(isRetryOutside: Bool) async throws -> Int {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: failuresToOpen))
        let retry = try Retry(
            RetryPolicy(maximumAttempts: attempts, conditions: .serverError, backoff: .none),
            budget: nil
        )
        let pipeline = try PolicyPipeline(
            outermostFirst: isRetryOutside ? [retry, breaker] : [breaker, retry],
            isChecked: false
        )
        let peer = Peer.failing()
        for _ in 0..<20 { _ = try? await pipeline.run { try await peer.answer() } }
        return peer.calls
    }
}
