// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

/// A rate limit that a service keeps for all processes (`envoy.extensions.filters.http.ratelimit.v3`).
struct GlobalRateLimitCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_Ratelimit_V3_RateLimit
    private typealias Override = Envoy_Extensions_Filters_Http_Ratelimit_V3_RateLimitPerRoute
    private static let read = ReadFields(
        Message.self,
        "domain",
        "stage",
        "request_type",
        "timeout",
        "failure_mode_deny",
        "rate_limited_as_resource_exhausted",
        "rate_limit_service",
        "enable_x_ratelimit_headers",
        "disable_x_envoy_ratelimited_header",
        "rate_limited_status",
        "response_headers_to_add",
        "status_on_error",
        "stat_prefix",
        "filter_enabled",
        "filter_enforced",
        "failure_mode_deny_percent",
        "rate_limits",
        "metadata_namespace",
        "enable_retry_after_header"
    )
    private static let readOverride = ReadFields(Override.self, "vh_rate_limits", "rate_limits", "domain")

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard var filter = filter(message, at: path, &context) else { return nil }
        if message.hasFilterEnabled {
            let path = path["filter_enabled"]
            guard let share = RuntimeFraction(message.filterEnabled, at: path, &context) else { return nil }
            filter.enabled = share
        }
        if message.hasFilterEnforced {
            let path = path["filter_enforced"]
            guard let share = RuntimeFraction(message.filterEnforced, at: path, &context) else { return nil }
            filter.enforced = share
        }
        if message.hasFailureModeDenyPercent {
            let path = path["failure_mode_deny_percent"]
            guard let share = RuntimeFraction(message.failureModeDenyPercent, at: path, &context) else { return nil }
            filter.refusedOnFailure = share
        }
        let decoded = filter
        guard
            context.attempt(path, { () throws(ConfigurationError) in try decoded.validate() }) != nil
        else { return nil }
        return .globalRateLimit(filter)
    }

    private func filter(
        _ message: Message,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> GlobalRateLimitFilter? {
        guard let requests = GlobalRateLimitFilter.Requests(requestType: message.requestType) else {
            context.reject(path["request_type"], "must be internal, external or both, is \(message.requestType)")
            return nil
        }
        guard context.require(name: message.domain, at: path["domain"]),
            let service = service(message.rateLimitService, at: path["rate_limit_service"], &context),
            let rateLimits = context.list(message.rateLimits, at: path, "rate_limits", RouteRateLimit.init),
            let additions = context.additions(message.responseHeadersToAdd, at: path, "response_headers_to_add")
        else { return nil }
        var limit = GlobalRateLimitConfiguration(domain: message.domain, service: service)
        if message.hasTimeout {
            guard let timeout = Nanoseconds(positive: message.timeout, at: path["timeout"], &context) else {
                return nil
            }
            limit.timeout = timeout
        }
        limit.refusesOnFailure = message.failureModeDeny
        // Envoy takes its defaults for statuses that are no errors.
        if message.rateLimitedStatus.code.rawValue >= 400 {
            limit.refusalStatus = message.rateLimitedStatus.code.rawValue
        }
        if message.statusOnError.code.rawValue >= 400 { limit.failureStatus = message.statusOnError.code.rawValue }
        limit.marksRefusals = !message.disableXEnvoyRatelimitedHeader
        switch message.enableXRatelimitHeaders {
        case .off: break
        case .draftVersion03: limit.headers = .draft03
        case .UNRECOGNIZED(let value):
            context.reject(path["enable_x_ratelimit_headers"], "\(value) is unknown")
            return nil
        }
        limit.sendsRetryAfter = message.enableRetryAfterHeader
        limit.refusesAsResourceExhausted = message.rateLimitedAsResourceExhausted
        if !message.metadataNamespace.isEmpty { limit.metadataNamespace = message.metadataNamespace }
        return GlobalRateLimitFilter(
            limit,
            rateLimits: rateLimits,
            stage: Int(message.stage),
            requests: requests,
            responseAdditions: additions
        )
    }

    /// What the service is called: the cluster or the target that it is reached by.
    private func service(
        _ message: Envoy_Config_Ratelimit_V3_RateLimitServiceConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> String? {
        let path = path["grpc_service"]
        switch message.grpcService.targetSpecifier {
        case .envoyGrpc(let target):
            guard context.require(name: target.clusterName, at: path["envoy_grpc"]["cluster_name"]) else { return nil }
            return target.clusterName.canonicalResourceName
        case nil:
            context.reject(path, "has no envoy_grpc")
            return nil
        }
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Override.self, at: path) else { return }
        // `override_option` has no effect in Envoy either.
        context.ignoreOthers(in: message, at: path, read: Self.readOverride)
        guard let limits = context.list(message.rateLimits, at: path, "rate_limits", RouteRateLimit.init) else {
            return
        }
        let hostLimits: HostRateLimits
        switch message.vhRateLimits {
        case .override: hostLimits = .override
        case .include: hostLimits = .include
        case .ignore: hostLimits = .ignore
        case .UNRECOGNIZED(let value): return context.reject(path["vh_rate_limits"], "\(value) is unknown")
        }
        let settings = GlobalRateLimitOverride(hostLimits: hostLimits, rateLimits: limits, domain: message.domain)
        guard
            context.attempt(path, { () throws(ConfigurationError) in try settings.validate() }) != nil
        else { return }
        overrides.filters.globalRateLimit = .settings(settings)
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.filters.globalRateLimit = .disabled
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .globalRateLimit(let filter) = filter else { return nil }
        let limit = filter.limit
        var message = Message()
        message.domain = limit.domain
        message.stage = UInt32(clamping: filter.stage)
        message.requestType = filter.requests.rawValue
        message.timeout = Google_Protobuf_Duration(limit.timeout)
        message.failureModeDeny = limit.refusesOnFailure
        message.rateLimitedAsResourceExhausted = limit.refusesAsResourceExhausted
        message.rateLimitService.grpcService.envoyGrpc.clusterName = limit.service
        message.rateLimitService.transportApiVersion = .v3
        message.enableXRatelimitHeaders = limit.headers == .draft03 ? .draftVersion03 : .off
        message.disableXEnvoyRatelimitedHeader = !limit.marksRefusals
        if limit.refusalStatus != 429 {
            message.rateLimitedStatus.code = .init(rawValue: limit.refusalStatus) ?? .tooManyRequests
        }
        if limit.failureStatus != 500 {
            message.statusOnError.code = .init(rawValue: limit.failureStatus) ?? .internalServerError
        }
        message.responseHeadersToAdd = filter.responseAdditions.map { .init($0) }
        message.filterEnabled = .init(limit.mode == .disabled ? RuntimeFraction(.none) : filter.enabled)
        message.filterEnforced = .init(limit.mode == .enforce ? filter.enforced : RuntimeFraction(.none))
        if let share = filter.refusedOnFailure { message.failureModeDenyPercent = .init(share) }
        message.rateLimits = filter.rateLimits.map { Envoy_Config_Route_V3_RateLimit($0) }
        if limit.metadataNamespace != GlobalRateLimitConfiguration(domain: "").metadataNamespace {
            message.metadataNamespace = limit.metadataNamespace
        }
        message.enableRetryAfterHeader = limit.sendsRetryAfter
        return try Google_Protobuf_Any(packing: message)
    }

    /// A place's settings, in place of the listener's.
    static func encoded(_ settings: GlobalRateLimitOverride) throws -> Google_Protobuf_Any {
        var message = Override()
        message.vhRateLimits =
            switch settings.hostLimits {
            case .override: .override
            case .include: .include
            case .ignore: .ignore
            }
        message.rateLimits = settings.rateLimits.map { Envoy_Config_Route_V3_RateLimit($0) }
        message.domain = settings.domain
        return try Google_Protobuf_Any(packing: message)
    }
}

extension GlobalRateLimitFilter.Requests {
    fileprivate init?(requestType: String) {
        if requestType.isEmpty {
            self = .both
        } else {
            self.init(rawValue: requestType)
        }
    }
}
