// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import SwiftProtobuf

/// Peak EWMA. Envoy's message for it (`envoy.extensions.load_balancing_policies.peak_ewma.v3alpha`) is that of an extension which
/// its releases do not contain, and has other settings.
struct PeakEWMACodec: StructuredBalancingCodec {
    static let structName = "swift_service_mesh.load_balancing.PeakEWMA"

    static func policy(_ settings: inout StructSettings, _ context: inout DecodingContext) -> PeakEWMA {
        var policy = PeakEWMA()
        if let span = settings.duration("decayTime", &context) { policy.decayTime = span }
        policy.defaultLatency = settings.duration("defaultLatency", &context)
        if let span = settings.duration("failurePenalty", &context) { policy.failurePenalty = span }
        if let span = settings.duration("maximumPenalty", &context) { policy.maximumPenalty = span }
        return policy
    }

    static func settings(of policy: PeakEWMA) -> [String: Google_Protobuf_Value] {
        var settings: [String: Google_Protobuf_Value] = [
            "decayTime": .init(policy.decayTime),
            "failurePenalty": .init(policy.failurePenalty),
            "maximumPenalty": .init(policy.maximumPenalty),
        ]
        settings["defaultLatency"] = policy.defaultLatency.map { .init($0) }
        return settings
    }
}
