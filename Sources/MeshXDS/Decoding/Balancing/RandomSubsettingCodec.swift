// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// Random subsetting (`envoy.extensions.load_balancing_policies.random_subsetting.v3`, gRFC A68).
struct RandomSubsettingCodec: LoadBalancingCodec {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_RandomSubsetting_V3_RandomSubsetting
    private static let read = ReadFields(Message.self, "subset_size", "child_policy")

    var typeName: String { Message.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.subsetSize.value > 0 else {
            context.reject(path["subset_size"], "must be at least 1")
            return nil
        }
        guard message.hasChildPolicy else {
            context.reject(path["child_policy"], "is missing")
            return nil
        }
        let child = Cluster.LoadBalancing(
            message.childPolicy,
            at: path["child_policy"],
            depth: depth + 1,
            &context
        )
        return child.map { Self.subsetting(message.subsetSize.value, $0.policy) }
    }

    private static func subsetting(_ size: UInt32, _ child: some LoadBalancingPolicy) -> Cluster.LoadBalancing {
        Cluster.LoadBalancing(RandomSubsetting(subsetSize: Int(size), child: child))
    }

    func encode(_ policy: any LoadBalancingPolicy) -> Google_Protobuf_Any? { nil }

    func encode(_ policy: any LoadBalancingPolicy, by registry: ExtensionRegistry) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? any SubsettingPolicy else { return nil }
        let child = policy.child as any LoadBalancingPolicy
        for codec in registry.loadBalancing {
            guard let config = try codec.encode(child, by: registry) else { continue }
            var message = Message()
            message.subsetSize = Google_Protobuf_UInt32Value(UInt32(clamping: policy.subsetSize))
            message.childPolicy = Envoy_Config_Cluster_V3_LoadBalancingPolicy(name: child.name, config)
            return try Google_Protobuf_Any(packing: message)
        }
        throw ConfigurationError(path: "load_balancing_policy", "no codec knows the policy \(child.name)")
    }

    /// Neither Envoy's releases nor gRPC's core have it.
    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        policy is any SubsettingPolicy ? .refused : nil
    }
}
