// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import SwiftProtobuf

/// Rendezvous hashing, which Envoy does not have.
struct RendezvousCodec: StructuredBalancingCodec {
    static let structName = "swift_service_mesh.load_balancing.Rendezvous"

    static func policy(_ settings: inout StructSettings, _ context: inout DecodingContext) -> Rendezvous {
        let key = settings.choice("key", ["address": HashKey.address, "hostname": .hostname], &context)
        return Rendezvous(key: key ?? .address)
    }

    static func settings(of policy: Rendezvous) -> [String: Google_Protobuf_Value] {
        ["key": Google_Protobuf_Value(stringValue: policy.key == .hostname ? "hostname" : "address")]
    }
}
