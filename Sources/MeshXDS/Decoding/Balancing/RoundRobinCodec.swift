// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Round robin (`envoy.extensions.load_balancing_policies.round_robin.v3`).
struct RoundRobinCodec: MessageBalancingCodec {
    typealias Wire = Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin
    static let read = ReadFields(Wire.self, "slow_start_config", "locality_lb_config")

    static func policy(
        _ message: Wire,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        context.readLocalities(message.localityLbConfig, at: path["locality_lb_config"])
        return Cluster.LoadBalancing(RoundRobin(slowStart: message.slowStart(at: path, &context)))
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? RoundRobin else { return nil }
        var message = Wire()
        if let slowStart = policy.slowStart { message.slowStartConfig = .init(slowStart) }
        return try Google_Protobuf_Any(packing: message)
    }

    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        guard let policy = policy as? RoundRobin else { return nil }
        guard dialect == .grpc, policy.slowStart != nil else {
            return LoadBalancingOffer(balancing: Cluster.LoadBalancing(policy))
        }
        return LoadBalancingOffer(
            balancing: Cluster.LoadBalancing(RoundRobin()),
            reasons: ["gRPC clients know no slow start; it is not sent"]
        )
    }

    /// The older form of the same settings.
    static func policy(
        _ message: Envoy_Config_Cluster_V3_Cluster.RoundRobinLbConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RoundRobin {
        context.ignoreOthers(in: message, at: path, read: readOlder)
        guard message.hasSlowStartConfig else { return RoundRobin() }
        return RoundRobin(slowStart: SlowStart(message.slowStartConfig, at: path["slow_start_config"], &context))
    }

    private static let readOlder = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.RoundRobinLbConfig.self,
        "slow_start_config"
    )
}

extension Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin {
    fileprivate func slowStart(at path: FieldPath, _ context: inout DecodingContext) -> SlowStart? {
        hasSlowStartConfig ? SlowStart(slowStartConfig, at: path["slow_start_config"], &context) : nil
    }
}
