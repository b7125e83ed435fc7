// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import SwiftProtobuf

/// Least request (`envoy.extensions.load_balancing_policies.least_request.v3`).
struct LeastRequestCodec: LoadBalancingCodec {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_LeastRequest_V3_LeastRequest
    private static let read = ReadFields(Message.self, "choice_count")

    var typeName: String { Message.protoMessageName }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let choices = message.hasChoiceCount ? message.choiceCount.value : nil
        return Self.policy(choices: choices, at: path["choice_count"], &context)
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? LeastRequest else { return nil }
        var message = Message()
        message.choiceCount = Google_Protobuf_UInt32Value(UInt32(clamping: policy.choiceCount))
        return try Google_Protobuf_Any(packing: message)
    }

    /// The policy with a number of choices: 2 if it is left out, at least 2 (both Envoy's rules), at most 100 (ours).
    static func policy(
        choices: UInt32?,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        guard let choices else { return Cluster.LoadBalancing(LeastRequest()) }
        guard choices >= 2 else {
            context.reject(path, "must be at least 2, is \(choices)")
            return nil
        }
        if choices > 100 { context.ignore(path, "is \(choices); 100 is used") }
        return Cluster.LoadBalancing(LeastRequest(choiceCount: Int(min(choices, 100))))
    }
}
