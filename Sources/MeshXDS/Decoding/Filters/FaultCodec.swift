// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf

/// Fault injection (`envoy.extensions.filters.http.fault.v3`).
struct FaultCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault
    private static let read = ReadFields(
        Message.self,
        "delay",
        "abort",
        "headers",
        "upstream_cluster",
        "downstream_nodes",
        "max_active_faults",
        "response_rate_limit",
        "delay_percent_runtime",
        "abort_percent_runtime",
        "delay_duration_runtime",
        "abort_http_status_runtime",
        "max_active_faults_runtime",
        "response_rate_limit_percent_runtime",
        "abort_grpc_status_runtime"
    )
    private static let readDelay = ReadFields(
        Envoy_Extensions_Filters_Common_Fault_V3_FaultDelay.self,
        "fixed_delay",
        "header_delay",
        "percentage"
    )
    private static let readRate = ReadFields(
        Envoy_Extensions_Filters_Common_Fault_V3_FaultRateLimit.self,
        "fixed_limit",
        "header_limit",
        "percentage"
    )
    private static let readAbort = ReadFields(
        Envoy_Extensions_Filters_Http_Fault_V3_FaultAbort.self,
        "http_status",
        "grpc_status",
        "header_abort",
        "percentage",
        "response_body"
    )

    var typeName: String { Message.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        fault(message, at: path, &context).map(HTTPFilter.fault)
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        overrides.fault = fault(message, at: path, &context)
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.fault = FaultConfiguration()
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .fault(let fault) = filter else { return nil }
        return try Self.encoded(fault)
    }

    /// Encodes faults, for a listener or a route.
    static func encoded(_ fault: FaultConfiguration) throws -> Google_Protobuf_Any {
        var message = Message()
        if let delay = fault.delay {
            if delay.isByHeader {
                message.delay.headerDelay = .init()
            } else {
                message.delay.fixedDelay = Google_Protobuf_Duration(delay.duration)
            }
            message.delay.percentage = Envoy_Type_V3_FractionalPercent(delay.percentage)
        }
        if let abort = fault.abort {
            if abort.isByHeader {
                message.abort.headerAbort = .init()
            } else if let status = abort.grpcStatus {
                message.abort.grpcStatus = UInt32(clamping: status)
            } else {
                message.abort.httpStatus = UInt32(clamping: abort.status)
            }
            message.abort.percentage = Envoy_Type_V3_FractionalPercent(abort.percentage)
            message.abort.responseBody = abort.body ?? ""
        }
        if let rate = fault.responseRate {
            if rate.isByHeader {
                message.responseRateLimit.headerLimit = .init()
            } else {
                message.responseRateLimit.fixedLimit.limitKbps = rate.kibibytesPerSecond
            }
            message.responseRateLimit.percentage = Envoy_Type_V3_FractionalPercent(rate.percentage)
        }
        message.upstreamCluster = fault.upstreamCluster
        message.downstreamNodes = fault.downstreamNodes.sorted()
        if let maximum = fault.maximumActive {
            message.maxActiveFaults = Google_Protobuf_UInt32Value(UInt32(clamping: maximum))
        }
        message.set(fault.runtimeKeys)
        message.headers = fault.headers.map { Envoy_Config_Route_V3_HeaderMatcher($0) }
        return try Google_Protobuf_Any(packing: message)
    }

    private func fault(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> FaultConfiguration? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        var fault = FaultConfiguration()
        if message.hasDelay { fault.delay = delay(message.delay, at: path["delay"], &context) }
        if message.hasAbort { fault.abort = abort(message.abort, at: path["abort"], &context) }
        if message.hasResponseRateLimit {
            let path = path["response_rate_limit"]
            fault.responseRate = responseRate(message.responseRateLimit, at: path, &context)
        }
        fault.upstreamCluster = message.upstreamCluster
        fault.downstreamNodes = Set(message.downstreamNodes)
        if message.hasMaxActiveFaults {
            // None at all: nothing is injected, as in Envoy.
            guard message.maxActiveFaults.value > 0 else { return FaultConfiguration() }
            fault.maximumActive = Int(message.maxActiveFaults.value)
        }
        fault.runtimeKeys = FaultRuntimeKeys(message)
        for (position, header) in message.headers.enumerated() {
            guard let matcher = HeaderMatcher(header, at: path["headers", position], &context) else { return nil }
            fault.headers.append(matcher)
        }
        return fault
    }

    private func delay(
        _ message: Envoy_Extensions_Filters_Common_Fault_V3_FaultDelay,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> FaultConfiguration.Delay? {
        context.ignoreOthers(in: message, at: path, read: Self.readDelay)
        guard let percentage = FractionalPercent(message.percentage, at: path["percentage"], &context) else {
            return nil
        }
        if case .headerDelay = message.faultDelaySecifier {
            return FaultConfiguration.Delay(byHeader: percentage)
        }
        guard case .fixedDelay(let duration) = message.faultDelaySecifier,
            let duration = Nanoseconds(positive: duration, at: path["fixed_delay"], &context)
        else { return nil }
        guard duration <= .seconds(86_400) else {
            context.reject(path["fixed_delay"], "must be at most 24 h")
            return nil
        }
        return FaultConfiguration.Delay(duration: duration, percentage: percentage)
    }

    private func responseRate(
        _ message: Envoy_Extensions_Filters_Common_Fault_V3_FaultRateLimit,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> FaultConfiguration.ResponseRate? {
        context.ignoreOthers(in: message, at: path, read: Self.readRate)
        guard let percentage = FractionalPercent(message.percentage, at: path["percentage"], &context) else {
            return nil
        }
        switch message.limitType {
        case .headerLimit: return .init(byHeader: percentage)
        case .fixedLimit(let limit):
            guard limit.limitKbps > 0 else {
                context.reject(path["fixed_limit"]["limit_kbps"], "must be at least 1")
                return nil
            }
            return .init(kibibytesPerSecond: limit.limitKbps, percentage: percentage)
        case nil:
            context.reject(path, "has no limit that is supported")
            return nil
        }
    }

    private func abort(
        _ message: Envoy_Extensions_Filters_Http_Fault_V3_FaultAbort,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> FaultConfiguration.Abort? {
        context.ignoreOthers(in: message, at: path, read: Self.readAbort)
        guard let percentage = FractionalPercent(message.percentage, at: path["percentage"], &context) else {
            return nil
        }
        var abort: FaultConfiguration.Abort
        switch message.errorType {
        case .httpStatus(let status):
            guard (200...599).contains(status) else {
                context.reject(path["http_status"], "must be from 200 to 599, is \(status)")
                return nil
            }
            abort = FaultConfiguration.Abort(status: Int(status), percentage: percentage)
        case .grpcStatus(let status):
            guard (1...16).contains(status) else {
                context.ignore(path["grpc_status"], "is \(status), which is no failure of gRPC; nothing is aborted")
                return nil
            }
            abort = FaultConfiguration.Abort(grpcStatus: Int(status), percentage: percentage)
        case .headerAbort: abort = FaultConfiguration.Abort(byHeader: percentage)
        case nil: return nil
        }
        if !message.responseBody.isEmpty { abort.body = message.responseBody }
        return abort
    }
}
