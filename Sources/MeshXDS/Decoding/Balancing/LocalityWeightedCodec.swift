// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Weighted localities around another policy (`envoy.extensions.load_balancing_policies.wrr_locality.v3`, gRFC A52).
///
/// Localities are weighted in any case where they have weights, so that only the inner policy remains.
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
        return Cluster.LoadBalancing(
            message.endpointPickingPolicy,
            at: path["endpoint_picking_policy"],
            depth: depth + 1,
            &context
        )
    }

    func encode(_ policy: any LoadBalancingPolicy) -> Google_Protobuf_Any? { nil }
}
