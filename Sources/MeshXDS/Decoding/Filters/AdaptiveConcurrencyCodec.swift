// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf

/// A limit of the requests under way that follows their latency
/// (`envoy.extensions.filters.http.adaptive_concurrency.v3`).
struct AdaptiveConcurrencyCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_AdaptiveConcurrency_V3_AdaptiveConcurrency
    private typealias Controller = Envoy_Extensions_Filters_Http_AdaptiveConcurrency_V3_GradientControllerConfig
    private static let read = ReadFields(
        Message.self,
        "gradient_controller_config",
        "enabled",
        "concurrency_limit_exceeded_status"
    )
    private static let readController = ReadFields(
        Controller.self,
        "sample_aggregate_percentile",
        "concurrency_limit_params",
        "min_rtt_calc_params"
    )
    private static let readLimit = ReadFields(
        Controller.ConcurrencyLimitCalculationParams.self,
        "max_concurrency_limit",
        "concurrency_update_interval"
    )
    private static let readIdle = ReadFields(
        Controller.MinimumRTTCalculationParams.self,
        "interval",
        "fixed_value",
        "request_count",
        "jitter",
        "min_concurrency",
        "buffer"
    )

    var typeName: String { Message.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let controllerPath = path["gradient_controller_config"]
        guard case .gradientControllerConfig(let controller) = message.concurrencyControllerConfig else {
            context.reject(controllerPath, "is missing")
            return nil
        }
        guard let limit = Self.limit(controller, at: controllerPath, &context) else { return nil }
        var configuration = AdaptiveLimitConfiguration(algorithm: .envoyGradient(limit))
        if message.hasConcurrencyLimitExceededStatus {
            switch message.concurrencyLimitExceededStatus.code {
            case .empty, .UNRECOGNIZED:
                context.reject(path["concurrency_limit_exceeded_status"], "is none of the codes of StatusCode")
                return nil
            case let code:
                // Envoy's: what is no error would not tell anybody that the request was refused.
                configuration.status = code.rawValue >= 400 ? code.rawValue : 503
            }
        }
        if message.hasEnabled, message.enabled.isOff { configuration.mode = .disabled }
        configuration.enabledKey = message.enabled.runtimeKey
        let decoded = configuration
        return context.attempt(controllerPath) { () throws(ConfigurationError) in
            try decoded.validate()
            return .policies(TrafficPolicies(adaptiveLimit: decoded))
        }
    }

    private static func limit(
        _ controller: Controller,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> EnvoyGradientLimit.Configuration? {
        context.ignoreOthers(in: controller, at: path, read: readController)
        let (limits, idle) = (controller.concurrencyLimitParams, controller.minRttCalcParams)
        let (limitsPath, idlePath) = (path["concurrency_limit_params"], path["min_rtt_calc_params"])
        context.ignoreOthers(in: limits, at: limitsPath, read: readLimit)
        context.ignoreOthers(in: idle, at: idlePath, read: readIdle)
        var limit = EnvoyGradientLimit.Configuration()
        if controller.hasSampleAggregatePercentile {
            let percentile = controller.sampleAggregatePercentile.value
            if percentile == 0 {
                context.ignore(path["sample_aggregate_percentile"], "is 0; the least latency is 0.01% here")
            }
            limit.percentile = percentile == 0 ? 0.0001 : percentile / 100
        }
        if limits.hasMaxConcurrencyLimit {
            let path = limitsPath["max_concurrency_limit"]
            limit.maximum = Self.count(limits.maxConcurrencyLimit.value, at: path, &context)
        }
        let update = limitsPath["concurrency_update_interval"]
        guard let interval = Nanoseconds(positive: limits.concurrencyUpdateInterval, at: update, &context) else {
            return nil
        }
        limit.updateInterval = interval
        guard idle.hasFixedValue || idle.hasInterval else {
            context.reject(idlePath, "has neither an interval nor a fixed_value")
            return nil
        }
        if idle.hasFixedValue {
            let path = idlePath["fixed_value"]
            guard let value = Nanoseconds(positive: idle.fixedValue, at: path, &context) else { return nil }
            limit.fixedIdle = value
        }
        if idle.hasInterval {
            let path = idlePath["interval"]
            guard let interval = Nanoseconds(positive: idle.interval, at: path, &context) else { return nil }
            guard interval >= .milliseconds(1) else {
                context.reject(path, "must be at least 1 ms")
                return nil
            }
            limit.measureInterval = interval
        }
        if idle.hasRequestCount { limit.measureCalls = Int(idle.requestCount.value) }
        if idle.hasJitter { limit.jitter = idle.jitter.value / 100 }
        if idle.hasMinConcurrency {
            limit.measureLimit = Self.count(idle.minConcurrency.value, at: idlePath["min_concurrency"], &context)
        }
        // Envoy lets few requests through to measure, and never more than it ever does.
        limit.measureLimit = min(limit.measureLimit, limit.maximum)
        if idle.hasBuffer {
            let buffer = idle.buffer.value
            guard (0...100).contains(buffer) else {
                context.reject(idlePath["buffer"], "must be from 0 to 100, is \(buffer)")
                return nil
            }
            limit.buffer = buffer / 100
        }
        return limit
    }

    /// The most requests that are counted.
    private static let most: UInt32 = 16_777_215

    private static func count(_ value: UInt32, at path: FieldPath, _ context: inout DecodingContext) -> Int {
        if value > most { context.ignore(path, "is \(value); \(most) is used") }
        return Int(min(value, most))
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        context.reject(path, "adaptive concurrency has no settings for a route")
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.policies.adaptiveLimit = AdaptiveLimitConfiguration(mode: .disabled)
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .policies(let policies) = filter, let configuration = policies.adaptiveLimit,
            case .envoyGradient(let limit) = configuration.algorithm
        else { return nil }
        var controller = Controller()
        controller.sampleAggregatePercentile.value = limit.percentile * 100
        controller.concurrencyLimitParams.maxConcurrencyLimit = .init(UInt32(clamping: limit.maximum))
        controller.concurrencyLimitParams.concurrencyUpdateInterval = .init(limit.updateInterval)
        controller.minRttCalcParams.interval = Google_Protobuf_Duration(limit.measureInterval)
        if let idle = limit.fixedIdle { controller.minRttCalcParams.fixedValue = Google_Protobuf_Duration(idle) }
        controller.minRttCalcParams.requestCount = .init(UInt32(clamping: limit.measureCalls))
        controller.minRttCalcParams.jitter.value = limit.jitter * 100
        controller.minRttCalcParams.minConcurrency = .init(UInt32(clamping: limit.measureLimit))
        controller.minRttCalcParams.buffer.value = limit.buffer * 100
        var message = Message()
        message.gradientControllerConfig = controller
        message.enabled = .init(configuration.mode == .enforce)
        message.enabled.runtimeKey = configuration.enabledKey
        let code = Envoy_Type_V3_StatusCode(rawValue: configuration.status) ?? .serviceUnavailable
        if case .UNRECOGNIZED = code {
            // Envoy refuses what is not in its list.
            message.concurrencyLimitExceededStatus.code = .serviceUnavailable
        } else {
            message.concurrencyLimitExceededStatus.code = code
        }
        return try Google_Protobuf_Any(packing: message)
    }
}
