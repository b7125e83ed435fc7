// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The keys by which the runtime says other things of admission control than its configuration does; empty for none.
public struct AdmissionRuntimeKeys: Hashable, Sendable {
    /// Of whether it acts, a truth value: `enabled.runtime_key`.
    public var enabled: String
    /// Of `AdmissionControlConfiguration.SuccessRate.aggression`; less than 1 counts as 1: `aggression.runtime_key`.
    public var aggression: String
    /// Of `AdmissionControlConfiguration.SuccessRate.threshold`, in percent: `sr_threshold.runtime_key`.
    public var threshold: String
    /// Of `AdmissionControlConfiguration.SuccessRate.minimumRate`, a whole number: `rps_threshold.runtime_key`.
    public var minimumRate: String
    /// Of `AdmissionControlConfiguration.maximumRefusal`, in percent: `max_rejection_probability.runtime_key`.
    public var maximumRefusal: String

    /// Creates keys. Default none: Envoy has none that stand in no configuration.
    public init(
        enabled: String = "",
        aggression: String = "",
        threshold: String = "",
        minimumRate: String = "",
        maximumRefusal: String = ""
    ) {
        self.enabled = enabled
        self.aggression = aggression
        self.threshold = threshold
        self.minimumRate = minimumRate
        self.maximumRefusal = maximumRefusal
    }

    /// None.
    public static let none = AdmissionRuntimeKeys()
}
