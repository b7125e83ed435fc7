// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import SwiftProtobuf

extension OutlierDetection {
    private static let read = ReadFields(
        Envoy_Config_Cluster_V3_OutlierDetection.self,
        "consecutive_5xx",
        "interval",
        "base_ejection_time",
        "max_ejection_percent",
        "max_ejection_time",
        "enforcing_consecutive_5xx",
        "enforcing_success_rate"
    )

    /// Decodes when endpoints are ejected.
    init?(
        _ message: Envoy_Config_Cluster_V3_OutlierDetection,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        self.init()
        if message.hasConsecutive5Xx {
            // 0 is how Istio writes "off".
            consecutiveFailures = message.consecutive5Xx.value == 0 ? nil : message.consecutive5Xx.value
        }
        if message.hasEnforcingConsecutive5Xx {
            switch message.enforcingConsecutive5Xx.value {
            case 0: consecutiveFailures = nil
            case 100: break
            case let percent: context.ignore(path["enforcing_consecutive_5xx"], "is \(percent)%; 100% is used")
            }
        }
        if message.hasEnforcingSuccessRate, message.enforcingSuccessRate.value > 0 {
            context.ignore(path["enforcing_success_rate"])
        }
        var isValid = true
        func span(_ field: String, _ value: Google_Protobuf_Duration, _ isSet: Bool, into span: inout Nanoseconds) {
            guard isSet else { return }
            if let value = Nanoseconds(positive: value, at: path[field], &context) {
                span = value
            } else {
                isValid = false
            }
        }
        span("interval", message.interval, message.hasInterval, into: &interval)
        span("base_ejection_time", message.baseEjectionTime, message.hasBaseEjectionTime, into: &baseEjectionTime)
        span("max_ejection_time", message.maxEjectionTime, message.hasMaxEjectionTime, into: &maximumEjectionTime)
        if message.hasMaxEjectionPercent {
            maximumEjectionPercent = message.maxEjectionPercent.value
            if maximumEjectionPercent > 100 {
                context.reject(path["max_ejection_percent"], "must be at most 100, is \(maximumEjectionPercent)")
                isValid = false
            }
        }
        guard isValid else { return nil }
    }
}

extension Envoy_Config_Cluster_V3_OutlierDetection {
    /// Encodes when endpoints are ejected.
    init(_ detection: OutlierDetection) {
        self.init()
        if let failures = detection.consecutiveFailures {
            consecutive5Xx = Google_Protobuf_UInt32Value(failures)
        } else {
            enforcingConsecutive5Xx = Google_Protobuf_UInt32Value(0)
        }
        interval = Google_Protobuf_Duration(detection.interval)
        baseEjectionTime = Google_Protobuf_Duration(detection.baseEjectionTime)
        maxEjectionTime = Google_Protobuf_Duration(detection.maximumEjectionTime)
        maxEjectionPercent = Google_Protobuf_UInt32Value(detection.maximumEjectionPercent)
        // It is on in Envoy and gRPC unless it is switched off; ours has no such detection.
        enforcingSuccessRate = Google_Protobuf_UInt32Value(0)
    }
}
