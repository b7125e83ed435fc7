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

    /// Decodes the limits of the default priority; each is 1024 if it is left out.
    /// - Parameter retryBudget: Is set to the budget that stands among them, if there is one.
    init(
        _ message: Envoy_Config_Cluster_V3_CircuitBreakers,
        at path: FieldPath,
        retryBudget: inout RetryBudgetChoice?,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        self.init()
        var isDecoded = false
        for (position, thresholds) in message.thresholds.enumerated() {
            let path = path["thresholds", position]
            // Of two entries for one priority, gRPC and Envoy take the first.
            guard thresholds.priority == .default, !isDecoded else {
                context.ignore(path, "only the first entry for the default priority is supported")
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
    /// Encodes the limits for the default priority.
    init(_ limits: ConcurrencyLimitConfiguration) {
        self.init()
        var entry = Thresholds()
        entry.maxRequests = Google_Protobuf_UInt32Value(limits.maximumRequests)
        entry.maxPendingRequests = Google_Protobuf_UInt32Value(limits.maximumPendingRequests)
        entry.maxConnections = Google_Protobuf_UInt32Value(limits.maximumConnections)
        thresholds = [entry]
    }
}
