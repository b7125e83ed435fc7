// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension FieldReader {
    /// An `HTTPFaultInjection` of a VirtualService.
    mutating func fault() -> FaultConfiguration? {
        let delay = mapping("delay") { $0.faultDelay() }
        let abort = mapping("abort") { $0.faultAbort() }
        if !has("delay"), !has("abort") {
            context.warning(.noEffect, at: position, "a fault without delay or abort does nothing")
        }
        return delay == nil && abort == nil ? nil : FaultConfiguration(delay: delay, abort: abort)
    }

    private mutating func faultDelay() -> FaultConfiguration.Delay? {
        refuse("exponentialDelay", because: "Istio does not implement it either; use fixedDelay")
        if !has("fixedDelay"), !has("exponentialDelay") { reportMissing("fixedDelay") }
        let duration = duration("fixedDelay")
        let share = share(named: "the delay")
        return duration.map { FaultConfiguration.Delay(duration: $0.value, percentage: share) }
    }

    private mutating func faultAbort() -> FaultConfiguration.Abort? {
        refuse("http2Error", because: "Istio does not implement it either; use httpStatus or grpcStatus")
        let fields = ["httpStatus", "grpcStatus", "http2Error"]
        if !fields.contains(where: has) { reportMissing("httpStatus") }
        _ = oneOf(fields, of: "an abort")
        let status = integer("httpStatus", in: 200...599)
        let grpcStatus = choice("grpcStatus", Self.grpcStatuses)
        let share = share(named: "the abort")
        return status.map { FaultConfiguration.Abort(status: $0.value, percentage: share) }
            ?? grpcStatus.map { FaultConfiguration.Abort(grpcStatus: $0.value, percentage: share) }
    }

    /// gRPC's statuses but `OK`, with which nothing would be aborted.
    private static let grpcStatuses = [
        "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
        "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9,
        "ABORTED": 10, "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14,
        "DATA_LOSS": 15, "UNAUTHENTICATED": 16,
    ]
}
