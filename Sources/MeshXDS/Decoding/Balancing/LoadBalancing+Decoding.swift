// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

extension Cluster.LoadBalancing {
    /// How deep policies may nest (gRFC A52).
    private static let maximumDepth = 16

    /// Decodes a list of policies: the first one that is supported (gRFC A52).
    /// - Returns: `nil`, with a problem, if none is.
    init?(
        _ message: Envoy_Config_Cluster_V3_LoadBalancingPolicy,
        at path: FieldPath,
        depth: Int = 0,
        _ context: inout DecodingContext
    ) {
        guard depth < Self.maximumDepth else {
            context.reject(path, "nests deeper than \(Self.maximumDepth) policies")
            return nil
        }
        var refused: [String] = []
        for (position, policy) in message.policies.enumerated() {
            let config = policy.typedExtensionConfig.typedConfig
            let name = StructuredPolicyName.name(of: config)
            guard let codec = context.registry.loadBalancing(name) else {
                refused.append(name)
                continue
            }
            let path = path["policies", position]["typed_extension_config"]["typed_config"]
            guard let decoded = codec.decode(config, at: path, depth: depth, &context) else { return nil }
            self = decoded
            return
        }
        context.reject(path, "LB policy \(refused.joined(separator: ", ")) is not supported")
        return nil
    }

    /// Decodes the older enumeration with its settings.
    /// - Returns: `nil`, with a problem, if the policy is not supported.
    init?(cluster message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        let common = message.commonLbConfig
        let hashing = FieldPath.root["common_lb_config"]["consistent_hashing_lb_config"]
        switch message.lbPolicy {
        case .roundRobin:
            let path = FieldPath.root["round_robin_lb_config"]
            self.init(RoundRobinCodec.policy(message.roundRobinLbConfig, at: path, &context))
        case .leastRequest:
            let path = FieldPath.root["least_request_lb_config"]
            guard let policy = LeastRequestCodec.policy(message.leastRequestLbConfig, at: path, &context) else {
                return nil
            }
            self = policy
        case .loadBalancingPolicyConfig:
            context.reject(.root["load_balancing_policy"], "is missing")
            return nil
        case .random: self.init(RandomChoice())
        case .ringHash:
            let policy = RingHashCodec.policy(
                message.ringHashLbConfig,
                ConsistentHashing(common.consistentHashingLbConfig, at: hashing, &context),
                at: .root["ring_hash_lb_config"],
                &context
            )
            guard let policy else { return nil }
            self = policy
        case .maglev:
            let policy = MaglevCodec.policy(
                message.maglevLbConfig,
                ConsistentHashing(common.consistentHashingLbConfig, at: hashing, &context),
                at: .root["maglev_lb_config"],
                &context
            )
            guard let policy else { return nil }
            self = policy
        case .clusterProvided, .UNRECOGNIZED:
            context.reject(.root["lb_policy"], "LB policy \(Self.name(message.lbPolicy)) is not supported")
            return nil
        }
    }

    /// The name of one that is not supported.
    private static func name(_ policy: Envoy_Config_Cluster_V3_Cluster.LbPolicy) -> String {
        policy == .clusterProvided ? "CLUSTER_PROVIDED" : "\(policy.rawValue)"
    }
}
