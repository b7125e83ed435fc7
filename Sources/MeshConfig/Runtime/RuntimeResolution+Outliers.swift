// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

extension RuntimeResolution {
    /// A day, in milliseconds: no ejection lasts longer by the runtime's word.
    private static let longest: UInt64 = 86_400_000

    /// Outlier detection by Envoy's rules; gRPC's clients have no runtime. A rule that the configuration leaves out has none
    /// of its values read.
    mutating func resolve(_ detection: inout OutlierDetection) {
        guard detection.mode == .envoy else { return }
        resolve(&detection.consecutiveFailures, "consecutive_5xx")
        resolve(&detection.consecutiveGatewayFailures, "consecutive_gateway_failure")
        resolve(&detection.consecutiveLocalOriginFailures, "consecutive_local_origin_failure")
        if var rule = detection.successRate {
            resolve(&rule.minimumEndpoints, "success_rate_minimum_hosts")
            resolve(&rule.requestVolume, "success_rate_request_volume")
            resolve(&rule.standardDeviationFactor, "success_rate_stdev_factor")
            resolve(percent: &rule.enforcing, "enforcing_success_rate")
            resolve(percent: &rule.enforcingLocalOrigin, "enforcing_local_origin_success_rate")
            detection.successRate = rule
        }
        if var rule = detection.failurePercentage {
            resolve(percent: &rule.threshold, "failure_percentage_threshold")
            resolve(&rule.minimumEndpoints, "failure_percentage_minimum_hosts")
            resolve(&rule.requestVolume, "failure_percentage_request_volume")
            resolve(percent: &rule.enforcing, "enforcing_failure_percentage")
            resolve(percent: &rule.enforcingLocalOrigin, "enforcing_failure_percentage_local_origin")
            detection.failurePercentage = rule
        }
        resolve(&detection.interval, "interval_ms", from: 1)
        resolve(&detection.baseEjectionTime, "base_ejection_time_ms", from: 1)
        resolve(&detection.maximumEjectionTime, "max_ejection_time_ms", from: 1)
        resolve(&detection.maximumEjectionTimeJitter, "max_ejection_time_jitter_ms", from: 0)
        resolve(percent: &detection.maximumEjectionPercent, "max_ejection_percent")
    }

    private func key(_ name: String) -> String { "outlier_detection.\(name)" }

    private mutating func resolve(_ streak: inout OutlierDetection.Streak?, _ name: String) {
        guard var rule = streak else { return }
        resolve(&rule.threshold, name)
        resolve(percent: &rule.enforcing, "enforcing_\(name)")
        // Never reached, as in Envoy.
        streak = rule.threshold == 0 ? nil : rule
    }

    private mutating func resolve(_ number: inout UInt32, _ name: String) {
        if let value = wholeNumber(key(name)) { number = UInt32(clamping: value) }
    }

    private mutating func resolve(percent: inout UInt32, _ name: String) {
        if let value = wholeNumber(key(name)) { percent = UInt32(min(value, 100)) }
    }

    private mutating func resolve(_ span: inout Nanoseconds, _ name: String, from least: UInt64) {
        if let value = wholeNumber(key(name), in: least...Self.longest) { span = .milliseconds(value) }
    }
}
