// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension Scene {
    /// What a stack is set to, and who said so.
    static let describedStack = Scene(
        name: "describe",
        claim: "describe() names every value of a stack in force, and where it comes from"
    ) { stage in
        let timeout = Timeout(.seconds(2))
        let pipeline = try PolicyPipeline(
            "ratings",
            [
                try Retry(RetryPolicy(maximumAttempts: 3, conditions: .gatewayError), name: "ratings"),
                try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 50), name: "ratings"),
                try Bulkhead(BulkheadConfiguration(maximumConcurrent: 7, mode: .observe), name: "ratings"),
                timeout,
            ]
        )
        let stack = pipeline.describe()
        stage.say(stack.description)
        let peer = Peer { _ in "five stars" }
        stage.expect(try await pipeline.run { try await peer.answer() } == "five stars", "a call passes that stack")

        let breaker = stack.policies.first { $0.slot == .circuitBreaker }
        stage.expect(
            breaker?.source(of: "failureRate") == .standard("Hystrix, resilience4j"),
            "the breaker's failure rate is a default, with the library that it is taken from"
        )
        stage.expect(
            breaker?.source(of: "minimumCalls") == .configured(""),
            "its least number of calls was set by this program"
        )
        let observing = stack.policies.filter { $0.mode == .observe }.map(\.slot)
        stage.expect(observing == [.bulkhead], "the bulkhead is the one that only observes")

        // Whoever reads a configuration from somewhere says where: the mesh does for routes and clusters.
        let placed = PolicyDescription(
            BulkheadConfiguration(maximumConcurrent: 7),
            in: .bulkhead,
            name: "ratings",
            place: "route /ratings"
        )
        stage.say("the same bulkhead on a route of the mesh:")
        stage.say(placed.description)
        stage.expect(
            placed.source(of: "maximumConcurrent") == .configured("route /ratings"),
            "a value from a route names the route"
        )
    }
}

extension PolicyDescription {
    /// Where a value comes from; `nil` if there is none of that name.
    fileprivate func source(of setting: String) -> PolicySetting.Source? {
        settings.first { $0.name == setting }?.source
    }
}
