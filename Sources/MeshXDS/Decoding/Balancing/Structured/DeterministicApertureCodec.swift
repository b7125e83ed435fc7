// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import SwiftProtobuf

/// Deterministic aperture, which Envoy does not have. Each client has its own place, so a control plane sends each its own
/// cluster.
struct DeterministicApertureCodec: StructuredBalancingCodec {
    static let structName = "swift_service_mesh.load_balancing.DeterministicAperture"

    static func policy(_ settings: inout StructSettings, _ context: inout DecodingContext) -> DeterministicAperture {
        // Who does not say where the client is puts all clients at one place: these are bounds, checked as such.
        var policy = DeterministicAperture(
            peerIndex: settings.integer("peerIndex", &context) ?? 0,
            peerCount: settings.integer("peerCount", &context) ?? 0
        )
        if let size = settings.integer("minimumAperture", &context) { policy.minimumAperture = size }
        if let offset = settings.number("offset", &context) { policy.offset = offset }
        return policy
    }

    static func settings(of policy: DeterministicAperture) -> [String: Google_Protobuf_Value] {
        [
            "peerIndex": Google_Protobuf_Value(numberValue: Double(policy.peerIndex)),
            "peerCount": Google_Protobuf_Value(numberValue: Double(policy.peerCount)),
            "minimumAperture": Google_Protobuf_Value(numberValue: Double(policy.minimumAperture)),
            "offset": Google_Protobuf_Value(numberValue: policy.offset),
        ]
    }
}
