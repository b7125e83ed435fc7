// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Random (`envoy.extensions.load_balancing_policies.random.v3`).
struct RandomCodec: LoadBalancingCodec {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_Random_V3_Random
    private static let read = ReadFields(Message.self)

    var typeName: String { Message.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        return Cluster.LoadBalancing(RandomChoice())
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard policy is RandomChoice else { return nil }
        return try Google_Protobuf_Any(packing: Message())
    }
}
