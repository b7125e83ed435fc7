// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import SwiftProtobuf

/// What ring hash and Maglev have in common (`ConsistentHashingLbConfig`).
struct ConsistentHashing {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_Common_V3_ConsistentHashingLbConfig
    private typealias OlderMessage = Envoy_Config_Cluster_V3_Cluster.CommonLbConfig.ConsistentHashingLbConfig
    private static let read = ReadFields(Message.self, "use_hostname_for_hashing", "hash_balance_factor")
    private static let readOlder = ReadFields(OlderMessage.self, "use_hostname_for_hashing", "hash_balance_factor")

    var key: HashKey
    var balanceFactor: UInt32?

    /// What says nothing.
    static let standard = ConsistentHashing(key: .address, balanceFactor: nil)

    private init(key: HashKey, balanceFactor: UInt32?) {
        self.key = key
        self.balanceFactor = balanceFactor
    }

    /// - Returns: `nil`, with a problem, if the factor is below its bound.
    init?(hostname: Bool, factor: Google_Protobuf_UInt32Value?, at path: FieldPath, _ context: inout DecodingContext) {
        self.init(key: hostname ? .hostname : .address, balanceFactor: factor?.value)
        if let factor, factor.value < 100 {
            context.reject(path["hash_balance_factor"], "must be at least 100, is \(factor.value)")
            return nil
        }
    }

    /// Decodes the message of the policies.
    init?(
        _ message: Envoy_Extensions_LoadBalancingPolicies_Common_V3_ConsistentHashingLbConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        self.init(
            hostname: message.useHostnameForHashing,
            factor: message.hasHashBalanceFactor ? message.hashBalanceFactor : nil,
            at: path,
            &context
        )
    }

    /// Decodes the older message of clusters.
    init?(
        _ message: Envoy_Config_Cluster_V3_Cluster.CommonLbConfig.ConsistentHashingLbConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.readOlder)
        self.init(
            hostname: message.useHostnameForHashing,
            factor: message.hasHashBalanceFactor ? message.hashBalanceFactor : nil,
            at: path,
            &context
        )
    }
}

extension Envoy_Extensions_LoadBalancingPolicies_Common_V3_ConsistentHashingLbConfig {
    /// Encodes the settings; `nil` where they say nothing.
    init?(key: HashKey, balanceFactor: UInt32?) {
        guard key != .address || balanceFactor != nil else { return nil }
        self.init()
        useHostnameForHashing = key == .hostname
        if let balanceFactor { hashBalanceFactor = Google_Protobuf_UInt32Value(balanceFactor) }
    }
}
