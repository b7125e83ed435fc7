// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshResilience
import SwiftProtobuf

extension RetryBudgetChoice {
    private static let read = ReadFields(
        Envoy_Config_Cluster_V3_CircuitBreakers.Thresholds.RetryBudget.self,
        "budget_percent",
        "min_retry_concurrency"
    )

    /// Decodes how many retries may be under way: `retry_budget`, which replaces `max_retries` where both are there.
    ///
    /// Without either, Envoy allows three at once. That default is not taken over: every control plane that is known
    /// overwrites it, and the mesh's own budget bounds retries in any case.
    /// - Returns: `nil` if neither is there, if `max_retries` sets no bound, or, with a problem, if a field is bad.
    init?(
        _ thresholds: Envoy_Config_Cluster_V3_CircuitBreakers.Thresholds,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        var budget = ConcurrencyRetryBudgetConfiguration()
        if thresholds.hasRetryBudget {
            let message = thresholds.retryBudget
            let path = path["retry_budget"]
            context.ignoreOthers(in: message, at: path, read: Self.read)
            if message.hasBudgetPercent {
                budget.percent = message.budgetPercent.value
                guard (0...100).contains(budget.percent) else {
                    context.reject(path["budget_percent"], "must be from 0 to 100, is \(budget.percent)")
                    return nil
                }
            }
            if message.hasMinRetryConcurrency { budget.minimum = Int(message.minRetryConcurrency.value) }
        } else if thresholds.hasMaxRetries, thresholds.maxRetries.value < .max {
            budget.percent = 0
            budget.minimum = Int(thresholds.maxRetries.value)
        } else {
            return nil
        }
        self = .concurrency(budget)
    }
}

extension Envoy_Config_Cluster_V3_CircuitBreakers.Thresholds {
    /// Encodes a budget; only Envoy's own kind has fields.
    mutating func set(_ choice: RetryBudgetChoice?) {
        guard case .concurrency(let budget) = choice else { return }
        retryBudget.budgetPercent.value = budget.percent
        retryBudget.minRetryConcurrency = Google_Protobuf_UInt32Value(UInt32(clamping: budget.minimum))
    }
}
