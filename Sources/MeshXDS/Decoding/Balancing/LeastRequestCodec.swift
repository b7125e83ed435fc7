// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Least request (`envoy.extensions.load_balancing_policies.least_request.v3`).
struct LeastRequestCodec: MessageBalancingCodec {
    typealias Wire = Envoy_Extensions_LoadBalancingPolicies_LeastRequest_V3_LeastRequest
    static let read = ReadFields(
        Wire.self,
        "choice_count",
        "active_request_bias",
        "slow_start_config",
        "enable_full_scan",
        "selection_method",
        "locality_lb_config"
    )

    static func policy(
        _ message: Wire,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        context.readLocalities(message.localityLbConfig, at: path["locality_lb_config"])
        var policy = LeastRequest()
        if message.hasActiveRequestBias {
            policy.activeRequestBias = bias(message.activeRequestBias, at: path["active_request_bias"], &context)
            policy.activeRequestBiasKey = message.activeRequestBias.key
        }
        if message.hasSlowStartConfig {
            policy.slowStart = SlowStart(message.slowStartConfig, at: path["slow_start_config"], &context)
        }
        if message.selectionMethod == .fullScan || message.enableFullScan.value { policy.selection = .fullScan }
        let choices = message.hasChoiceCount ? message.choiceCount.value : nil
        return self.policy(policy, choices: choices, at: path["choice_count"], &context)
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? LeastRequest else { return nil }
        var message = Wire()
        message.choiceCount = Google_Protobuf_UInt32Value(UInt32(clamping: policy.choiceCount))
        if policy.activeRequestBias != 1 || !policy.activeRequestBiasKey.isEmpty {
            message.activeRequestBias = .init(policy.activeRequestBias, key: policy.activeRequestBiasKey)
        }
        if let slowStart = policy.slowStart { message.slowStartConfig = .init(slowStart) }
        if policy.selection == .fullScan { message.selectionMethod = .fullScan }
        return try Google_Protobuf_Any(packing: message)
    }

    /// The older form of the same settings.
    static func policy(
        _ message: Envoy_Config_Cluster_V3_Cluster.LeastRequestLbConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        context.ignoreOthers(in: message, at: path, read: readOlder)
        var policy = LeastRequest()
        if message.hasActiveRequestBias {
            policy.activeRequestBias = bias(message.activeRequestBias, at: path["active_request_bias"], &context)
            policy.activeRequestBiasKey = message.activeRequestBias.key
        }
        if message.hasSlowStartConfig {
            policy.slowStart = SlowStart(message.slowStartConfig, at: path["slow_start_config"], &context)
        }
        let choices = message.hasChoiceCount ? message.choiceCount.value : nil
        return self.policy(policy, choices: choices, at: path["choice_count"], &context)
    }

    private static let readOlder = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.LeastRequestLbConfig.self,
        "choice_count",
        "active_request_bias",
        "slow_start_config"
    )

    /// The bias; like Envoy, 1 in place of one that is none.
    private static func bias(
        _ message: Envoy_Config_Core_V3_RuntimeDouble,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Double {
        let bias = message.defaultValue
        guard bias >= 0, bias.isFinite else {
            context.ignore(path["default_value"], "is \(bias); 1 is used")
            return 1
        }
        return bias
    }

    /// The policy with a number of choices: 2 if it is left out, at least 2 (both Envoy's rules), at most 100 (ours).
    private static func policy(
        _ policy: LeastRequest,
        choices: UInt32?,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let choices else { return Cluster.LoadBalancing(policy) }
        guard choices >= 2 else {
            context.reject(path, "must be at least 2, is \(choices)")
            return nil
        }
        if choices > 100 { context.ignore(path, "is \(choices); 100 is used") }
        var policy = policy
        policy.choiceCount = Int(min(choices, 100))
        return Cluster.LoadBalancing(policy)
    }
}
