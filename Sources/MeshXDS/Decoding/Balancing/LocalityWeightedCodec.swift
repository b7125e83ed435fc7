// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Weighted localities around another policy (`envoy.extensions.load_balancing_policies.wrr_locality.v3`, gRFC A52).
///
/// Only the inner policy remains; that weights of localities count is said of the cluster.
struct LocalityWeightedCodec: LoadBalancingCodec {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_WrrLocality_V3_WrrLocality
    private static let read = ReadFields(Message.self, "endpoint_picking_policy")

    var typeName: String { Message.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        context.structure.localities = .weighted
        return Cluster.LoadBalancing(
            message.endpointPickingPolicy,
            at: path["endpoint_picking_policy"],
            depth: depth + 1,
            &context
        )
    }

    func encode(_ policy: any LoadBalancingPolicy) -> Google_Protobuf_Any? { nil }
}
