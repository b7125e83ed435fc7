// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshResilience
import Testing

@testable import MeshManifests

@Suite struct RetryBudgetTests {
    private func budget(_ policy: String) -> RetryBudgetChoice? {
        let compilation = Compilation(
            """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: reviews, namespace: default}
            spec:
              host: reviews
              trafficPolicy: \(policy)
            ---

            """
        )
        #expect(compilation.places == [])
        return compilation.resources.clusters[Bookinfo.cluster("reviews")]?.policies.retryBudget
    }

    static let budgets: [(String, percent: Double, minimum: Int)] = [
        ("{retryBudget: {percent: 12.5, minRetryConcurrency: 5}}", 12.5, 5),
        ("{retryBudget: {}}", 20, 3),
        ("{connectionPool: {http: {maxRetries: 7}}}", 0, 7),
        ("{connectionPool: {http: {maxRetries: 7}}, retryBudget: {percent: 50}}", 50, 3),
        ("{retryBudget: {percent: 1}, portLevelSettings: [{port: {number: 9080}}]}", 1, 3),
    ]

    @Test(arguments: budgets)
    func `a budget is that of the cluster, and takes the place of a fixed number`(
        policy: String,
        percent: Double,
        minimum: Int
    ) {
        let expected = ConcurrencyRetryBudgetConfiguration(percent: percent, minimum: minimum)
        #expect(budget(policy) == .concurrency(expected))
    }

    @Test func `without either the mesh's own budget holds`() {
        #expect(budget("{loadBalancer: {simple: ROUND_ROBIN}}") == nil)
    }
}
