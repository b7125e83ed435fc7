// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Pick first (`envoy.extensions.load_balancing_policies.pick_first.v3`, gRFC A62), which gRPC alone has.
struct PickFirstCodec: MessageBalancingCodec {
    typealias Wire = Envoy_Extensions_LoadBalancingPolicies_PickFirst_V3_PickFirst
    static let read = ReadFields(Wire.self, "shuffle_address_list")

    static func policy(
        _ message: Wire,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        return Cluster.LoadBalancing(PickFirst(shufflesAddressList: message.shuffleAddressList))
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? PickFirst else { return nil }
        var message = Wire()
        message.shuffleAddressList = policy.shufflesAddressList
        return try Google_Protobuf_Any(packing: message)
    }

    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        guard let policy = policy as? PickFirst else { return nil }
        // Envoy has the message, and nothing that takes it.
        return dialect == .envoy ? .refused : LoadBalancingOffer(balancing: Cluster.LoadBalancing(policy))
    }
}
