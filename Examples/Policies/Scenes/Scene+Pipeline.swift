// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension Scene {
    /// Several policies around a closure that knows nothing of them.
    static let pipeline = Scene(
        name: "pipeline",
        claim: "policies given in any order stand around a plain async closure in the canonical one"
    ) { stage in
        let clock = SystemClock()
        let decisions = DecisionCounter()
        let pipeline = try PolicyPipeline(
            "ratings",
            [
                try Timeout(
                    TimeoutConfiguration(duration: .milliseconds(500)),
                    name: "ratings",
                    observers: decisions.alone
                )
                .perAttempt,
                try Bulkhead(
                    BulkheadConfiguration(maximumConcurrent: 2, maximumQueued: 8, maximumWait: .seconds(10)),
                    name: "ratings",
                    observers: decisions.alone
                ),
                try CircuitBreaker(CircuitBreakerConfiguration(), name: "ratings", observers: decisions.alone),
                try Retry(
                    RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: Backoff(base: .milliseconds(5))),
                    name: "ratings",
                    observers: decisions.alone
                ),
            ]
        )
        let slots = pipeline.describe().policies.map(\.slot)
        stage.say(slots.map(\.description).joined(separator: " > "))
        stage.expect(
            slots == [.retry, .bulkhead, .circuitBreaker, .attemptTimeout],
            "they stand in the canonical order"
        )

        // The first call fails, the second hangs, the third answers.
        let peer = Peer { call in
            if call == 1 { throw Peer.Unavailable() }
            if call == 2 { try await clock.wait(.seconds(20)) }
            return "five stars"
        }
        let answer = try await pipeline.run { try await peer.answer() }
        stage.expect(answer == "five stars", "the caller got an answer")
        stage.expect(peer.calls == 3, "it took three attempts: one failed, one was cancelled, one answered")

        let busy = Peer { _ in
            try await clock.wait(.milliseconds(20))
            return "five stars"
        }
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<6 { group.addTask { try await pipeline.run { try await busy.answer() } } }
            return try await group.reduce(into: [String]()) { $0.append($1) }
        }
        stage.expect(answers.count == 6, "six callers at once were served, two at a time")
        stage.say(decisions.table)
        stage.expect(decisions.count(.retry, .retried, isEnforced: true) == 2, "two retries were counted")
        stage.expect(decisions.count(.timeout, .timedOut, isEnforced: true) == 1, "one timeout was counted")
        stage.expect(decisions.count(.bulkhead, .queued, isEnforced: true) >= 1, "callers that queued were counted")
    }
}
