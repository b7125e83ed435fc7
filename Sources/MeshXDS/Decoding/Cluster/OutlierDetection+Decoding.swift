// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import SwiftProtobuf

/// How many endpoints a rule wants that is switched off; no cluster has as many.
private let noEndpointsAreEnough = UInt32.max

extension OutlierDetection {
    private static let read = ReadFields(
        Envoy_Config_Cluster_V3_OutlierDetection.self,
        "consecutive_5xx",
        "enforcing_consecutive_5xx",
        "consecutive_gateway_failure",
        "enforcing_consecutive_gateway_failure",
        "split_external_local_origin_errors",
        "consecutive_local_origin_failure",
        "enforcing_consecutive_local_origin_failure",
        "interval",
        "base_ejection_time",
        "max_ejection_time",
        "max_ejection_time_jitter",
        "max_ejection_percent",
        "always_eject_one_host",
        "successful_active_health_check_uneject_host",
        "success_rate_minimum_hosts",
        "success_rate_request_volume",
        "success_rate_stdev_factor",
        "enforcing_success_rate",
        "enforcing_local_origin_success_rate",
        "failure_percentage_threshold",
        "failure_percentage_minimum_hosts",
        "failure_percentage_request_volume",
        "enforcing_failure_percentage",
        "enforcing_failure_percentage_local_origin"
    )

    /// Decodes when endpoints are ejected.
    init?(
        _ message: Envoy_Config_Cluster_V3_OutlierDetection,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        context.ignoreWithoutRates(message, at: path)
        self.init(mode: context.rules.outlierDetection)
        guard message.hasPercentages(at: path, &context), decodeTimes(of: message, at: path, &context) else {
            return nil
        }
        consecutiveFailures = Streak?(
            message.hasConsecutive5Xx ? message.consecutive5Xx.value : 5,
            enforcing: message.hasEnforcingConsecutive5Xx ? message.enforcingConsecutive5Xx.value : 100
        )
        consecutiveGatewayFailures = Streak?(
            message.hasConsecutiveGatewayFailure ? message.consecutiveGatewayFailure.value : 5,
            // 0 unless it is told.
            enforcing: message.enforcingConsecutiveGatewayFailure.value
        )
        splitsLocalOriginFailures = message.splitExternalLocalOriginErrors
        consecutiveLocalOriginFailures = Streak?(
            message.hasConsecutiveLocalOriginFailure ? message.consecutiveLocalOriginFailure.value : 5,
            enforcing: message.hasEnforcingConsecutiveLocalOriginFailure
                ? message.enforcingConsecutiveLocalOriginFailure.value : 100
        )
        successRate = message.successRate
        failurePercentage = message.failurePercentage
        if message.hasMaxEjectionPercent { maximumEjectionPercent = message.maxEjectionPercent.value }
        alwaysEjectsOneEndpoint = message.alwaysEjectOneHost.value
        if message.hasSuccessfulActiveHealthCheckUnejectHost {
            successfulHealthCheckUnejects = message.successfulActiveHealthCheckUnejectHost.value
        }
    }

    private mutating func decodeTimes(
        of message: Envoy_Config_Cluster_V3_OutlierDetection,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
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
        if message.hasMaxEjectionTimeJitter {
            let jitter = Nanoseconds(message.maxEjectionTimeJitter, at: path["max_ejection_time_jitter"], &context)
            isValid = isValid && jitter != nil
            maximumEjectionTimeJitter = jitter ?? .zero
        }
        guard isValid else { return false }
        if !message.hasMaxEjectionTime {
            maximumEjectionTime = max(maximumEjectionTime, baseEjectionTime)
        } else if maximumEjectionTime < baseEjectionTime {
            context.reject(
                path["max_ejection_time"],
                "must be at least base_ejection_time, which is \(baseEjectionTime.duration)"
            )
            return false
        }
        return true
    }
}

extension Envoy_Config_Cluster_V3_OutlierDetection {
    /// The fields that are percentages, each with its value.
    private var percentages: [(name: String, value: UInt32)] {
        [
            ("max_ejection_percent", maxEjectionPercent.value),
            ("enforcing_consecutive_5xx", enforcingConsecutive5Xx.value),
            ("enforcing_consecutive_gateway_failure", enforcingConsecutiveGatewayFailure.value),
            ("enforcing_consecutive_local_origin_failure", enforcingConsecutiveLocalOriginFailure.value),
            ("enforcing_success_rate", enforcingSuccessRate.value),
            ("enforcing_local_origin_success_rate", enforcingLocalOriginSuccessRate.value),
            ("failure_percentage_threshold", failurePercentageThreshold.value),
            ("enforcing_failure_percentage", enforcingFailurePercentage.value),
            ("enforcing_failure_percentage_local_origin", enforcingFailurePercentageLocalOrigin.value),
        ]
    }

    fileprivate func hasPercentages(at path: FieldPath, _ context: inout DecodingContext) -> Bool {
        let wrong = percentages.filter { $0.value > 100 }
        for (name, value) in wrong { context.reject(path[name], "must be at most 100, is \(value)") }
        return wrong.isEmpty
    }

    /// The rule on the share of successes; `nil` if no number of endpoints is enough for it.
    fileprivate var successRate: OutlierDetection.SuccessRate? {
        var rule = OutlierDetection.SuccessRate()
        if hasSuccessRateMinimumHosts { rule.minimumEndpoints = successRateMinimumHosts.value }
        if hasSuccessRateRequestVolume { rule.requestVolume = successRateRequestVolume.value }
        if hasSuccessRateStdevFactor { rule.standardDeviationFactor = successRateStdevFactor.value }
        if hasEnforcingSuccessRate { rule.enforcing = enforcingSuccessRate.value }
        if hasEnforcingLocalOriginSuccessRate { rule.enforcingLocalOrigin = enforcingLocalOriginSuccessRate.value }
        return rule.minimumEndpoints == noEndpointsAreEnough ? nil : rule
    }

    /// The rule on the share of failures, likewise.
    fileprivate var failurePercentage: OutlierDetection.FailurePercentage? {
        var rule = OutlierDetection.FailurePercentage()
        if hasFailurePercentageThreshold { rule.threshold = failurePercentageThreshold.value }
        if hasFailurePercentageMinimumHosts { rule.minimumEndpoints = failurePercentageMinimumHosts.value }
        if hasFailurePercentageRequestVolume { rule.requestVolume = failurePercentageRequestVolume.value }
        // 0 unless they are told.
        rule.enforcing = enforcingFailurePercentage.value
        rule.enforcingLocalOrigin = enforcingFailurePercentageLocalOrigin.value
        return rule.minimumEndpoints == noEndpointsAreEnough ? nil : rule
    }
}

extension OutlierDetection.Streak? {
    /// A rule on failures in a row; a threshold of 0 is never reached, in Envoy too, and is how Istio writes "off".
    fileprivate init(_ threshold: UInt32, enforcing: UInt32) {
        self = threshold == 0 ? nil : OutlierDetection.Streak(threshold, enforcing: enforcing)
    }
}

extension Envoy_Config_Cluster_V3_OutlierDetection {
    /// Encodes when endpoints are ejected. Whose rules hold is not told: each client has its own.
    init(_ detection: OutlierDetection) {
        self.init()
        consecutive5Xx = Google_Protobuf_UInt32Value(detection.consecutiveFailures?.threshold ?? 0)
        enforcingConsecutive5Xx = Google_Protobuf_UInt32Value(detection.consecutiveFailures?.enforcing ?? 0)
        consecutiveGatewayFailure = Google_Protobuf_UInt32Value(detection.consecutiveGatewayFailures?.threshold ?? 0)
        enforcingConsecutiveGatewayFailure = Google_Protobuf_UInt32Value(
            detection.consecutiveGatewayFailures?.enforcing ?? 0
        )
        splitExternalLocalOriginErrors = detection.splitsLocalOriginFailures
        consecutiveLocalOriginFailure = Google_Protobuf_UInt32Value(
            detection.consecutiveLocalOriginFailures?.threshold ?? 0
        )
        enforcingConsecutiveLocalOriginFailure = Google_Protobuf_UInt32Value(
            detection.consecutiveLocalOriginFailures?.enforcing ?? 0
        )
        set(detection.successRate)
        set(detection.failurePercentage)
        interval = Google_Protobuf_Duration(detection.interval)
        baseEjectionTime = Google_Protobuf_Duration(detection.baseEjectionTime)
        // Envoy refuses a cluster whose longest ejection is shorter than its first.
        maxEjectionTime = Google_Protobuf_Duration(max(detection.maximumEjectionTime, detection.baseEjectionTime))
        maxEjectionTimeJitter = Google_Protobuf_Duration(detection.maximumEjectionTimeJitter)
        maxEjectionPercent = Google_Protobuf_UInt32Value(detection.maximumEjectionPercent)
        alwaysEjectOneHost = Google_Protobuf_BoolValue(detection.alwaysEjectsOneEndpoint)
        if !detection.successfulHealthCheckUnejects {
            successfulActiveHealthCheckUnejectHost = Google_Protobuf_BoolValue(false)
        }
    }

    private mutating func set(_ rule: OutlierDetection.SuccessRate?) {
        let told =
            rule
            ?? OutlierDetection.SuccessRate(
                minimumEndpoints: noEndpointsAreEnough,
                // gRPC's clients have no such rule where it is never enforced.
                enforcing: 0,
                enforcingLocalOrigin: 0
            )
        successRateMinimumHosts = Google_Protobuf_UInt32Value(told.minimumEndpoints)
        successRateRequestVolume = Google_Protobuf_UInt32Value(told.requestVolume)
        successRateStdevFactor = Google_Protobuf_UInt32Value(told.standardDeviationFactor)
        enforcingSuccessRate = Google_Protobuf_UInt32Value(told.enforcing)
        enforcingLocalOriginSuccessRate = Google_Protobuf_UInt32Value(told.enforcingLocalOrigin)
    }

    private mutating func set(_ rule: OutlierDetection.FailurePercentage?) {
        let told = rule ?? OutlierDetection.FailurePercentage(minimumEndpoints: noEndpointsAreEnough)
        failurePercentageThreshold = Google_Protobuf_UInt32Value(told.threshold)
        failurePercentageMinimumHosts = Google_Protobuf_UInt32Value(told.minimumEndpoints)
        failurePercentageRequestVolume = Google_Protobuf_UInt32Value(told.requestVolume)
        enforcingFailurePercentage = Google_Protobuf_UInt32Value(told.enforcing)
        enforcingFailurePercentageLocalOrigin = Google_Protobuf_UInt32Value(told.enforcingLocalOrigin)
    }
}
