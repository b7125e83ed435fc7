// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Random (`envoy.extensions.load_balancing_policies.random.v3`).
struct RandomCodec: MessageBalancingCodec {
    typealias Wire = Envoy_Extensions_LoadBalancingPolicies_Random_V3_Random
    static let read = ReadFields(Wire.self, "locality_lb_config")

    static func policy(
        _ message: Wire,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        context.readLocalities(message.localityLbConfig, at: path["locality_lb_config"])
        return Cluster.LoadBalancing(RandomChoice())
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard policy is RandomChoice else { return nil }
        return try Google_Protobuf_Any(packing: Wire())
    }
}
