// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import SwiftProtobuf

/// How new endpoints get their part, which the API says twice: beside a policy of its own, and beside the older enumeration.
protocol SlowStartMessage: Message {
    var hasSlowStartWindow: Bool { get }
    var slowStartWindow: Google_Protobuf_Duration { get set }
    var hasAggression: Bool { get }
    var aggression: Envoy_Config_Core_V3_RuntimeDouble { get set }
    var hasMinWeightPercent: Bool { get }
    var minWeightPercent: Envoy_Type_V3_Percent { get set }
}

extension Envoy_Extensions_LoadBalancingPolicies_Common_V3_SlowStartConfig: SlowStartMessage {}
extension Envoy_Config_Cluster_V3_Cluster.SlowStartConfig: SlowStartMessage {}

extension SlowStart {
    /// Decodes it; like Envoy, with 1 in place of an aggression that is none.
    /// - Returns: `nil` if there is no window, and, with a problem, if a bound is broken.
    init?(_ message: some SlowStartMessage, at path: FieldPath, _ context: inout DecodingContext) {
        var window = Nanoseconds.zero
        if message.hasSlowStartWindow {
            guard let span = Nanoseconds(message.slowStartWindow, at: path["slow_start_window"], &context) else {
                return nil
            }
            window = span
        }
        var settings = SlowStart(window: window)
        if message.hasAggression {
            settings.aggressionKey = message.aggression.key
            let aggression = message.aggression.defaultValue
            if aggression > 0, aggression.isFinite {
                settings.aggression = aggression
            } else {
                context.ignore(path["aggression"]["default_value"], "is \(aggression); 1 is used")
            }
        }
        if message.hasMinWeightPercent {
            let percent = message.minWeightPercent.value
            guard (0...100).contains(percent) else {
                context.reject(path["min_weight_percent"], "must be from 0 to 100, is \(percent)")
                return nil
            }
            settings.minimumWeightPercent = percent
        }
        guard window > .zero else { return nil }
        self = settings
    }
}

extension Envoy_Extensions_LoadBalancingPolicies_Common_V3_SlowStartConfig {
    /// Encodes it.
    init(_ settings: SlowStart) {
        self.init()
        slowStartWindow = Google_Protobuf_Duration(settings.window)
        if settings.aggression != 1 || !settings.aggressionKey.isEmpty {
            aggression = .init(settings.aggression, key: settings.aggressionKey)
        }
        minWeightPercent.value = settings.minimumWeightPercent
    }
}
