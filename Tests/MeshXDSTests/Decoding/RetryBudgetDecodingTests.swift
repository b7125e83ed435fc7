// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite struct RetryBudgetDecodingTests {
    private typealias Thresholds = Envoy_Config_Cluster_V3_CircuitBreakers.Thresholds

    private func decode(_ change: (inout Thresholds) -> Void) throws -> RetryBudgetChoice? {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        var thresholds = Thresholds()
        change(&thresholds)
        message.circuitBreakers.thresholds = [thresholds]
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        #expect(decoded.ignored == [])
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return cluster.policies.retryBudget
    }

    @Test func `a budget has Envoy's defaults, and replaces the number of retries`() throws {
        #expect(try decode { $0.retryBudget = .init() } == .concurrency(.init(percent: 20, minimum: 3)))
        let both = try decode {
            $0.retryBudget.budgetPercent.value = 5
            $0.retryBudget.minRetryConcurrency = Google_Protobuf_UInt32Value(1)
            $0.maxRetries = Google_Protobuf_UInt32Value(9)
        }
        #expect(both == .concurrency(.init(percent: 5, minimum: 1)))
    }

    @Test func `a number of retries is a budget of no percent, and the largest number is none`() throws {
        #expect(
            try decode { $0.maxRetries = Google_Protobuf_UInt32Value(9) }
                == .concurrency(.init(percent: 0, minimum: 9))
        )
        #expect(try decode { $0.maxRetries = Google_Protobuf_UInt32Value(.max) } == nil)
        #expect(try decode { _ in } == nil)
    }

    @Test(arguments: [-1, 100.5, .nan, .infinity])
    func `what is no percentage is refused with its path`(percent: Double) {
        let error = #expect(throws: ConfigurationError.self) {
            try decode { $0.retryBudget.budgetPercent.value = percent }
        }
        #expect(error?.problems.map(\.path) == ["circuit_breakers.thresholds[0].retry_budget.budget_percent"])
    }

    @Test func `what is encoded is decoded again`() throws {
        for budget: RetryBudgetChoice? in [nil, .concurrency(.init(percent: 33, minimum: 0))] {
            #expect(try decode { $0.set(budget) } == budget)
        }
    }
}
