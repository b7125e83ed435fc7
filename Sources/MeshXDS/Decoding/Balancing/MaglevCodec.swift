// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// Maglev (`envoy.extensions.load_balancing_policies.maglev.v3`).
struct MaglevCodec: MessageBalancingCodec {
    typealias Wire = Envoy_Extensions_LoadBalancingPolicies_Maglev_V3_Maglev
    static let read = ReadFields(
        Wire.self,
        "table_size",
        "consistent_hashing_lb_config",
        // Localities are weighted in any case where they have weights.
        "locality_weighted_lb_config"
    )
    private static let readOlder = ReadFields(Envoy_Config_Cluster_V3_Cluster.MaglevLbConfig.self, "table_size")

    static func policy(
        _ message: Wire,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        let hashing = ConsistentHashing(
            message.consistentHashingLbConfig,
            at: path["consistent_hashing_lb_config"],
            &context
        )
        return policy(message.hasTableSize ? message.tableSize.value : nil, hashing, at: path, &context)
    }

    /// Decodes the older settings of clusters.
    static func policy(
        _ message: Envoy_Config_Cluster_V3_Cluster.MaglevLbConfig,
        _ hashing: ConsistentHashing?,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        context.ignoreOthers(in: message, at: path, read: readOlder)
        return policy(message.hasTableSize ? message.tableSize.value : nil, hashing, at: path, &context)
    }

    private static func policy(
        _ size: UInt64?,
        _ hashing: ConsistentHashing?,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        var policy = Maglev()
        policy.tableSize = size ?? policy.tableSize
        do {
            try policy.validate()
        } catch {
            // The factor is not there yet: it is the size.
            for problem in error.problems { context.reject(path["table_size"], problem.message) }
            return nil
        }
        guard let hashing else { return nil }
        policy.key = hashing.key
        policy.balanceFactor = hashing.balanceFactor
        return Cluster.LoadBalancing(policy)
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? Maglev else { return nil }
        var message = Wire()
        message.tableSize = Google_Protobuf_UInt64Value(policy.tableSize)
        if let hashing = Envoy_Extensions_LoadBalancingPolicies_Common_V3_ConsistentHashingLbConfig(
            key: policy.key,
            balanceFactor: policy.balanceFactor
        ) {
            message.consistentHashingLbConfig = hashing
        }
        return try Google_Protobuf_Any(packing: message)
    }
}
