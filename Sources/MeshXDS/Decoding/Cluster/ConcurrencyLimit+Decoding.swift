// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshResilience
import SwiftProtobuf

extension ConcurrencyLimitConfiguration {
    private static let read = ReadFields(Envoy_Config_Cluster_V3_CircuitBreakers.self, "thresholds")
    private static let readThresholds = ReadFields(
        Envoy_Config_Cluster_V3_CircuitBreakers.Thresholds.self,
        "priority",
        "max_connections",
        "max_pending_requests",
        "max_requests",
        "max_retries",
        "retry_budget"
    )

    private static let readHighPriority = ReadFields(
        Envoy_Config_Cluster_V3_CircuitBreakers.Thresholds.self,
        "priority",
        "max_requests"
    )

    /// Decodes the limits of the default priority; each is 1024 if it is left out.
    /// - Parameters:
    ///   - retryBudget: Is set to the budget that stands among them, if there is one.
    ///   - maximumHighPriorityRequests: Is set to the number that stands in those of the high priority, if one does.
    init(
        _ message: Envoy_Config_Cluster_V3_CircuitBreakers,
        at path: FieldPath,
        retryBudget: inout RetryBudgetChoice?,
        maximumHighPriorityRequests: inout UInt32?,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        self.init()
        var isDecoded = false
        var isHighDecoded = false
        for (position, thresholds) in message.thresholds.enumerated() {
            let path = path["thresholds", position]
            // Of two entries for one priority, gRPC and Envoy take the first.
            if thresholds.priority == .high, !isHighDecoded {
                isHighDecoded = true
                context.ignoreOthers(in: thresholds, at: path, read: Self.readHighPriority)
                maximumHighPriorityRequests = thresholds.hasMaxRequests ? thresholds.maxRequests.value : nil
                continue
            }
            guard thresholds.priority == .default, !isDecoded else {
                context.ignore(path, "only the first entry for each priority counts")
                continue
            }
            isDecoded = true
            context.ignoreOthers(in: thresholds, at: path, read: Self.readThresholds)
            retryBudget = RetryBudgetChoice(thresholds, at: path, &context)
            if thresholds.hasMaxRequests { maximumRequests = thresholds.maxRequests.value }
            if thresholds.hasMaxPendingRequests { maximumPendingRequests = thresholds.maxPendingRequests.value }
            if thresholds.hasMaxConnections { maximumConnections = thresholds.maxConnections.value }
        }
    }
}

extension Envoy_Config_Cluster_V3_CircuitBreakers {
    /// Encodes the limits for the default priority, and the one for the high priority where it is not the default.
    init(_ limits: ConcurrencyLimitConfiguration, maximumHighPriorityRequests: UInt32) {
        self.init()
        var entry = Thresholds()
        entry.maxRequests = Google_Protobuf_UInt32Value(limits.maximumRequests)
        entry.maxPendingRequests = Google_Protobuf_UInt32Value(limits.maximumPendingRequests)
        entry.maxConnections = Google_Protobuf_UInt32Value(limits.maximumConnections)
        thresholds = [entry]
        guard maximumHighPriorityRequests != 1024 else { return }
        var high = Thresholds()
        high.priority = .high
        high.maxRequests = Google_Protobuf_UInt32Value(maximumHighPriorityRequests)
        thresholds.append(high)
    }
}
