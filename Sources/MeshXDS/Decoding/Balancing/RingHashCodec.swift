// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Ring hash (`envoy.extensions.load_balancing_policies.ring_hash.v3`).
struct RingHashCodec: MessageBalancingCodec {
    typealias Wire = Envoy_Extensions_LoadBalancingPolicies_RingHash_V3_RingHash
    private typealias OlderMessage = Envoy_Config_Cluster_V3_Cluster.RingHashLbConfig
    static let read = ReadFields(
        Wire.self,
        "hash_function",
        "minimum_ring_size",
        "maximum_ring_size",
        "use_hostname_for_hashing",
        "hash_balance_factor",
        "consistent_hashing_lb_config",
        // Localities are weighted in any case where they have weights.
        "locality_weighted_lb_config"
    )
    private static let readOlder = ReadFields(
        OlderMessage.self,
        "hash_function",
        "minimum_ring_size",
        "maximum_ring_size"
    )

    static func policy(
        _ message: Wire,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        let hashing =
            message.hasConsistentHashingLbConfig
            ? ConsistentHashing(
                message.consistentHashingLbConfig,
                at: path["consistent_hashing_lb_config"],
                &context
            )
            : ConsistentHashing(
                hostname: message.useHostnameForHashing,
                factor: message.hasHashBalanceFactor ? message.hashBalanceFactor : nil,
                at: path,
                &context
            )
        let function: HashFunction
        switch message.hashFunction {
        case .defaultHash, .xxHash: function = .xxHash
        case .murmurHash2: function = .murmurHash2
        case .UNRECOGNIZED(let number):
            context.reject(path["hash_function"], "\(number) is no hash function")
            return nil
        }
        return policy(
            minimum: message.hasMinimumRingSize ? message.minimumRingSize.value : nil,
            maximum: message.hasMaximumRingSize ? message.maximumRingSize.value : nil,
            function,
            hashing,
            at: path,
            &context
        )
    }

    /// Decodes the older settings of clusters.
    static func policy(
        _ message: Envoy_Config_Cluster_V3_Cluster.RingHashLbConfig,
        _ hashing: ConsistentHashing?,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        context.ignoreOthers(in: message, at: path, read: readOlder)
        let function: HashFunction
        switch message.hashFunction {
        case .xxHash: function = .xxHash
        case .murmurHash2: function = .murmurHash2
        case .UNRECOGNIZED(let number):
            context.reject(path["hash_function"], "\(number) is no hash function")
            return nil
        }
        return policy(
            minimum: message.hasMinimumRingSize ? message.minimumRingSize.value : nil,
            maximum: message.hasMaximumRingSize ? message.maximumRingSize.value : nil,
            function,
            hashing,
            at: path,
            &context
        )
    }

    private static func policy(
        minimum: UInt64?,
        maximum: UInt64?,
        _ function: HashFunction,
        _ hashing: ConsistentHashing?,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        var policy = RingHash(function: function)
        policy.minimumSize = minimum ?? policy.minimumSize
        policy.maximumSize = maximum ?? policy.maximumSize
        var isValid = true
        for (name, size) in [("minimum_ring_size", policy.minimumSize), ("maximum_ring_size", policy.maximumSize)]
        where !(1...RingHash.greatestSize).contains(size) {
            context.reject(path[name], "must be from 1 to \(RingHash.greatestSize), is \(size)")
            isValid = false
        }
        if policy.minimumSize > policy.maximumSize {
            context.reject(
                path["minimum_ring_size"],
                "must be at most the maximum of \(policy.maximumSize), is \(policy.minimumSize)"
            )
            isValid = false
        }
        guard isValid, let hashing else { return nil }
        policy.key = hashing.key
        policy.balanceFactor = hashing.balanceFactor
        return Cluster.LoadBalancing(policy)
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? RingHash else { return nil }
        var message = Wire()
        message.minimumRingSize = Google_Protobuf_UInt64Value(policy.minimumSize)
        message.maximumRingSize = Google_Protobuf_UInt64Value(policy.maximumSize)
        message.hashFunction = policy.function == .murmurHash2 ? .murmurHash2 : .xxHash
        if let hashing = Envoy_Extensions_LoadBalancingPolicies_Common_V3_ConsistentHashingLbConfig(
            key: policy.key,
            balanceFactor: policy.balanceFactor
        ) {
            message.consistentHashingLbConfig = hashing
        }
        return try Google_Protobuf_Any(packing: message)
    }

    /// gRPC clients know a ring of XXH64 of addresses.
    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        guard var ring = policy as? RingHash else { return nil }
        var reasons: [String] = []
        if dialect == .grpc {
            if ring.function != .xxHash { reasons.append("gRPC clients hash by XXH64 only") }
            if ring.key != .address { reasons.append("gRPC clients know endpoints by their addresses") }
            if ring.balanceFactor != nil {
                reasons.append("gRPC clients know no bound of an endpoint's load; it is not sent")
            }
            ring.function = .xxHash
            ring.key = .address
            ring.balanceFactor = nil
        }
        return LoadBalancingOffer(balancing: Cluster.LoadBalancing(ring), reasons: reasons)
    }
}
