// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The keys by which the runtime says other things of faults than their configuration does.
///
/// A key whose name is empty is none.
public struct FaultRuntimeKeys: Hashable, Sendable {
    /// Of the share of calls that are delayed. Default `fault.http.delay.fixed_delay_percent`: Envoy, unless
    /// `delay_percent_runtime` says another.
    public var delayPercentage: String
    /// Of the delay, in whole milliseconds; 0 for none. Delays that requests ask for do not heed it. Default
    /// `fault.http.delay.fixed_duration_ms`: Envoy, unless `delay_duration_runtime` says another.
    public var delayDuration: String
    /// Of the share of calls that are aborted. Default `fault.http.abort.abort_percent`: Envoy, unless
    /// `abort_percent_runtime` says another.
    public var abortPercentage: String
    /// Of the status code, 200 to 599, where the abort has one. Default `fault.http.abort.http_status`: Envoy, unless
    /// `abort_http_status_runtime` says another.
    public var abortStatus: String
    /// Of the gRPC status, 1 to 16, where the abort has one. Default `fault.http.abort.grpc_status`: Envoy, unless
    /// `abort_grpc_status_runtime` says another.
    public var abortGRPCStatus: String
    /// Of how many calls may suffer at once; 0 for none. Default `fault.http.max_active_faults`: Envoy, unless
    /// `max_active_faults_runtime` says another.
    public var maximumActive: String
    /// Of the share of calls whose responses are slowed down. Default `fault.http.rate_limit.response_percent`: Envoy,
    /// unless `response_rate_limit_percent_runtime` says another.
    public var responseRatePercentage: String

    /// Creates keys.
    public init(
        delayPercentage: String = "fault.http.delay.fixed_delay_percent",
        delayDuration: String = "fault.http.delay.fixed_duration_ms",
        abortPercentage: String = "fault.http.abort.abort_percent",
        abortStatus: String = "fault.http.abort.http_status",
        abortGRPCStatus: String = "fault.http.abort.grpc_status",
        maximumActive: String = "fault.http.max_active_faults",
        responseRatePercentage: String = "fault.http.rate_limit.response_percent"
    ) {
        self.delayPercentage = delayPercentage
        self.delayDuration = delayDuration
        self.abortPercentage = abortPercentage
        self.abortStatus = abortStatus
        self.abortGRPCStatus = abortGRPCStatus
        self.maximumActive = maximumActive
        self.responseRatePercentage = responseRatePercentage
    }

    /// Envoy's.
    public static let envoy = FaultRuntimeKeys()
}
