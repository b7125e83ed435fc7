// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf

/// Refusing a share of the requests that grows with the failures (`envoy.extensions.filters.http.admission_control.v3`).
struct AdmissionControlCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_AdmissionControl_V3_AdmissionControl
    private static let read = ReadFields(
        Message.self,
        "enabled",
        "success_criteria",
        "sampling_window",
        "aggression",
        "sr_threshold",
        "rps_threshold",
        "max_rejection_probability"
    )

    var typeName: String { Message.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard case .successCriteria(let criteria) = message.evaluationCriteria else {
            context.reject(path["success_criteria"], "is missing")
            return nil
        }
        var rate = AdmissionControlConfiguration.SuccessRate()
        if message.hasSamplingWindow {
            let path = path["sampling_window"]
            guard let window = Nanoseconds(positive: message.samplingWindow, at: path, &context) else { return nil }
            // Envoy counts by the second.
            let bounded = min(max(window, .seconds(1)), .seconds(3600))
            if window != bounded { context.ignore(path, "is \(window.duration); \(bounded.duration) is used") }
            rate.window = bounded
            rate.buckets = Self.buckets(of: bounded)
        }
        if message.hasAggression {
            let aggression = message.aggression.defaultValue
            if aggression > 1000 { context.ignore(path["aggression"], "is \(aggression); 1000 is used") }
            // Less than 1 is 1 in Envoy, too.
            rate.aggression = aggression.isFinite ? min(max(aggression, 1), 1000) : aggression
        }
        if message.hasSrThreshold {
            let percent = message.srThreshold.defaultValue.value
            guard (1...100).contains(percent) else {
                context.reject(path["sr_threshold"], "must be from 1 to 100, is \(percent)")
                return nil
            }
            rate.threshold = percent / 100
        }
        if message.hasRpsThreshold {
            let least = message.rpsThreshold.defaultValue
            if least > 1_000_000 { context.ignore(path["rps_threshold"], "is \(least); 1000000 is used") }
            rate.minimumRate = Double(min(least, 1_000_000))
        }
        var configuration = AdmissionControlConfiguration(algorithm: .successRate(rate))
        if message.hasMaxRejectionProbability {
            configuration.maximumRefusal = message.maxRejectionProbability.defaultValue.value / 100
        }
        if message.hasEnabled, message.enabled.isOff { configuration.mode = .disabled }
        configuration.runtimeKeys = AdmissionRuntimeKeys(
            enabled: message.enabled.runtimeKey,
            aggression: message.aggression.runtimeKey,
            threshold: message.srThreshold.runtimeKey,
            minimumRate: message.rpsThreshold.runtimeKey,
            maximumRefusal: message.maxRejectionProbability.runtimeKey
        )
        guard let criteria = AdmissionCriteria(criteria, at: path["success_criteria"], &context) else { return nil }
        configuration.criteria = criteria
        let decoded = configuration
        return context.attempt(path) { () throws(ConfigurationError) in
            try decoded.validate()
            return .policies(TrafficPolicies(admissionControl: decoded))
        }
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        context.reject(path, "admission control has no settings for a route")
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.policies.admissionControl = AdmissionControlConfiguration(mode: .disabled)
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .policies(let policies) = filter, let configuration = policies.admissionControl,
            case .successRate(let rate) = configuration.algorithm
        else { return nil }
        var message = Message()
        message.enabled = .init(configuration.mode == .enforce)
        message.successCriteria = .init(configuration.criteria)
        message.samplingWindow = Google_Protobuf_Duration(rate.window)
        message.aggression.defaultValue = rate.aggression
        message.srThreshold.defaultValue.value = rate.threshold * 100
        message.rpsThreshold.defaultValue = UInt32(rate.minimumRate.rounded(.up))
        message.maxRejectionProbability.defaultValue.value = configuration.maximumRefusal * 100
        message.enabled.runtimeKey = configuration.runtimeKeys.enabled
        message.aggression.runtimeKey = configuration.runtimeKeys.aggression
        message.srThreshold.runtimeKey = configuration.runtimeKeys.threshold
        message.rpsThreshold.runtimeKey = configuration.runtimeKeys.minimumRate
        message.maxRejectionProbability.runtimeKey = configuration.runtimeKeys.maximumRefusal
        return try Google_Protobuf_Any(packing: message)
    }

    /// Envoy forgets a second at a time.
    private static func buckets(of window: Nanoseconds) -> Int {
        Int(min(max(window.rawValue / 1_000_000_000, 1), 3_600))
    }
}

extension Envoy_Config_Core_V3_RuntimeFeatureFlag {
    /// A switch.
    init(_ isOn: Bool) {
        self.init()
        defaultValue = Google_Protobuf_BoolValue(isOn)
    }

    /// Whether it switches off what is on where there is no switch.
    var isOff: Bool { hasDefaultValue && !defaultValue.value }
}

extension AdmissionCriteria {
    fileprivate init?(
        _ message: Envoy_Extensions_Filters_Http_AdmissionControl_V3_AdmissionControl.SuccessCriteria,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        self.init()
        if message.hasHTTPCriteria {
            httpSuccess = []
            for (position, range) in message.httpCriteria.httpSuccessStatus.enumerated() {
                guard range.start >= 100, range.end <= 600, range.start < range.end else {
                    let path = path["http_criteria"]["http_success_status", position]
                    context.reject(path, "must lie within 100 ..< 600, is \(range.start) ..< \(range.end)")
                    return nil
                }
                httpSuccess.append(Int(range.start)..<Int(range.end))
            }
        }
        if message.hasGrpcCriteria {
            grpcSuccess = []
            for (position, code) in message.grpcCriteria.grpcSuccessStatus.enumerated() {
                guard code <= 16 else {
                    let path = path["grpc_criteria"]["grpc_success_status", position]
                    context.reject(path, "must be from 0 to 16, is \(code)")
                    return nil
                }
                grpcSuccess.insert(Int(code))
            }
        }
    }
}

extension Envoy_Extensions_Filters_Http_AdmissionControl_V3_AdmissionControl.SuccessCriteria {
    fileprivate init(_ criteria: AdmissionCriteria) {
        self.init()
        httpCriteria.httpSuccessStatus = criteria.httpSuccess.map { range in
            var message = Envoy_Type_V3_Int32Range()
            message.start = Int32(clamping: range.lowerBound)
            message.end = Int32(clamping: range.upperBound)
            return message
        }
        grpcCriteria.grpcSuccessStatus = criteria.grpcSuccess.sorted().map { UInt32(clamping: $0) }
    }
}
