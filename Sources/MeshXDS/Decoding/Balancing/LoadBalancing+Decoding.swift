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
            let name = typeName(ofTypeURL: config.typeURL)
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
        switch message.lbPolicy {
        case .roundRobin:
            if case .roundRobinLbConfig = message.lbConfig {
                context.ignoreOthers(
                    in: message.roundRobinLbConfig,
                    at: .root["round_robin_lb_config"],
                    read: Self.readRoundRobin
                )
            }
            self.init(RoundRobin())
        case .leastRequest:
            let path = FieldPath.root["least_request_lb_config"]
            let settings = message.leastRequestLbConfig
            context.ignoreOthers(in: settings, at: path, read: Self.readLeastRequest)
            let choices = settings.hasChoiceCount ? settings.choiceCount.value : nil
            guard let policy = LeastRequestCodec.policy(choices: choices, at: path["choice_count"], &context) else {
                return nil
            }
            self = policy
        case .loadBalancingPolicyConfig:
            context.reject(.root["load_balancing_policy"], "is missing")
            return nil
        case .ringHash, .random, .maglev, .clusterProvided, .UNRECOGNIZED:
            context.reject(.root["lb_policy"], "LB policy \(Self.name(message.lbPolicy)) is not supported")
            return nil
        }
    }

    private static let readRoundRobin = ReadFields(Envoy_Config_Cluster_V3_Cluster.RoundRobinLbConfig.self)
    private static let readLeastRequest = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.LeastRequestLbConfig.self,
        "choice_count"
    )

    private static func name(_ policy: Envoy_Config_Cluster_V3_Cluster.LbPolicy) -> String {
        switch policy {
        case .roundRobin: "ROUND_ROBIN"
        case .leastRequest: "LEAST_REQUEST"
        case .ringHash: "RING_HASH"
        case .random: "RANDOM"
        case .maglev: "MAGLEV"
        case .clusterProvided: "CLUSTER_PROVIDED"
        case .loadBalancingPolicyConfig: "LOAD_BALANCING_POLICY_CONFIG"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}
