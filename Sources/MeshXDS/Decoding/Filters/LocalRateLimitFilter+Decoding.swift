// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

/// What `envoy.extensions.filters.http.local_ratelimit.v3` says beyond one bucket for all requests.
extension LocalRateLimitFilter {
    private typealias Message = Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit
    private static let read = ReadFields(
        Message.self,
        "stat_prefix",
        "status",
        "token_bucket",
        "filter_enabled",
        "filter_enforced",
        "request_headers_to_add_when_not_enforced",
        "response_headers_to_add",
        "descriptors",
        "stage",
        "enable_x_ratelimit_headers",
        "vh_rate_limits",
        "always_consume_default_token_bucket",
        "rate_limited_as_resource_exhausted",
        "rate_limits",
        "max_dynamic_descriptors",
        "enable_retry_after_header"
    )
    /// By this our own limits with descriptors are known.
    static let ownPrefix = "local_rate_limit"
    private static let readDescriptor = ReadFields(
        Envoy_Extensions_Common_Ratelimit_V3_LocalRateLimitDescriptor.self,
        "entries",
        "token_bucket",
        "shadow_mode"
    )

    /// Decodes a limit with descriptors.
    /// - Returns: `nil`, with a problem, if a part of it is bad.
    init?(
        _ message: Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.stage <= 10 else {
            context.reject(path["stage"], "must be at most 10, is \(message.stage)")
            return nil
        }
        guard let limit = Self.limit(message, at: path, &context),
            let rateLimits = context.list(message.rateLimits, at: path, "rate_limits", RouteRateLimit.init),
            let hostLimits = HostRateLimits(message.vhRateLimits, at: path["vh_rate_limits"], &context),
            let responses = context.additions(message.responseHeadersToAdd, at: path, "response_headers_to_add"),
            let requests = context.additions(
                message.requestHeadersToAddWhenNotEnforced,
                at: path,
                "request_headers_to_add_when_not_enforced"
            )
        else { return nil }
        self.init(
            limit,
            rateLimits: rateLimits,
            stage: Int(message.stage),
            hostLimits: hostLimits,
            responseAdditions: responses,
            requestAdditions: requests
        )
        if message.hasFilterEnabled {
            let path = path["filter_enabled"]
            guard let share = RuntimeFraction(message.filterEnabled, at: path, &context) else { return nil }
            enabled = share
        }
        if message.hasFilterEnforced {
            let path = path["filter_enforced"]
            guard let share = RuntimeFraction(message.filterEnforced, at: path, &context) else { return nil }
            enforced = share
        }
        let filter = self
        guard
            context.attempt(path, { () throws(ConfigurationError) in try filter.validate() }) != nil
        else { return nil }
    }

    private static func limit(
        _ message: Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> LocalRateLimitConfiguration? {
        var limit = LocalRateLimitConfiguration()
        if message.hasTokenBucket {
            let path = path["token_bucket"]
            guard let bucket = LocalRateLimitConfiguration.Bucket(message.tokenBucket, at: path, &context) else {
                return nil
            }
            limit.bucket = bucket
        }
        for (position, descriptor) in message.descriptors.enumerated() {
            let path = path["descriptors", position]
            context.ignoreOthers(in: descriptor, at: path, read: readDescriptor)
            let field = path["token_bucket"]
            guard let bucket = LocalRateLimitConfiguration.Bucket(descriptor.tokenBucket, at: field, &context) else {
                return nil
            }
            let entries = descriptor.entries.map { RateLimitDescriptor.Entry($0.key, $0.value) }
            limit.limits.append(.init(entries, bucket: bucket, isShadow: descriptor.shadowMode))
        }
        if message.hasAlwaysConsumeDefaultTokenBucket {
            limit.alwaysUsesCommonBucket = message.alwaysConsumeDefaultTokenBucket.value
        }
        if message.hasMaxDynamicDescriptors {
            limit.maximumDynamicLimits = Int(message.maxDynamicDescriptors.value)
        }
        // Envoy takes 429 for a status that is no error.
        if message.status.code.rawValue >= 400 { limit.refusalStatus = message.status.code.rawValue }
        switch message.enableXRatelimitHeaders {
        case .off: break
        case .draftVersion03: limit.headers = .draft03
        case .UNRECOGNIZED(let value):
            context.reject(path["enable_x_ratelimit_headers"], "\(value) is unknown")
            return nil
        }
        limit.sendsRetryAfter = message.enableRetryAfterHeader
        limit.refusesAsResourceExhausted = message.rateLimitedAsResourceExhausted
        return limit
    }
}

extension LocalRateLimitConfiguration.Bucket {
    /// Decodes a bucket; one token comes at a time unless it says otherwise.
    /// - Returns: `nil`, with a problem, if it has no interval.
    fileprivate init?(_ message: Envoy_Type_V3_TokenBucket, at path: FieldPath, _ context: inout DecodingContext) {
        guard let interval = Nanoseconds(positive: message.fillInterval, at: path["fill_interval"], &context) else {
            return nil
        }
        self.init(
            maximumTokens: message.maxTokens,
            tokensPerFill: message.hasTokensPerFill ? message.tokensPerFill.value : 1,
            fillInterval: interval
        )
    }
}

extension HostRateLimits {
    fileprivate init?(
        _ message: Envoy_Extensions_Common_Ratelimit_V3_VhRateLimitsOptions,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        switch message {
        case .override: self = .override
        case .include: self = .include
        case .ignore: self = .ignore
        case .UNRECOGNIZED(let value):
            context.reject(path, "\(value) is unknown")
            return nil
        }
    }
}

extension DecodingContext {
    /// Header fields that a filter adds, at most 10.
    /// - Returns: `nil`, with a problem, if one is bad.
    mutating func additions(
        _ messages: [Envoy_Config_Core_V3_HeaderValueOption],
        at path: FieldPath,
        _ field: String
    ) -> [HeaderAddition]? {
        guard messages.count <= 10 else {
            reject(path[field], "must have at most 10 elements, has \(messages.count)")
            return nil
        }
        return list(messages, at: path, field, HeaderAddition.init)
    }
}

extension Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit {
    /// Encodes a limit with descriptors.
    init(_ filter: LocalRateLimitFilter) {
        self.init()
        let limit = filter.limit
        statPrefix = LocalRateLimitFilter.ownPrefix
        if limit.refusalStatus != 429 { status.code = .init(rawValue: limit.refusalStatus) ?? .tooManyRequests }
        if let bucket = limit.bucket { tokenBucket = Envoy_Type_V3_TokenBucket(bucket) }
        descriptors = limit.limits.map { limit in
            var message = Envoy_Extensions_Common_Ratelimit_V3_LocalRateLimitDescriptor()
            message.entries = limit.entries.map { entry in
                var message = Envoy_Extensions_Common_Ratelimit_V3_RateLimitDescriptor.Entry()
                message.key = entry.key
                message.value = entry.value
                return message
            }
            message.tokenBucket = Envoy_Type_V3_TokenBucket(limit.bucket)
            message.shadowMode = limit.isShadow
            return message
        }
        stage = UInt32(clamping: filter.stage)
        vhRateLimits =
            switch filter.hostLimits {
            case .override: .override
            case .include: .include
            case .ignore: .ignore
            }
        rateLimits = filter.rateLimits.map { Envoy_Config_Route_V3_RateLimit($0) }
        // Nothing is in force where only observing, or nothing, is meant.
        filterEnabled = .init(limit.mode == .disabled ? RuntimeFraction(.none) : filter.enabled)
        filterEnforced = .init(limit.mode == .enforce ? filter.enforced : RuntimeFraction(.none))
        responseHeadersToAdd = filter.responseAdditions.map { .init($0) }
        requestHeadersToAddWhenNotEnforced = filter.requestAdditions.map { .init($0) }
        if !limit.alwaysUsesCommonBucket { alwaysConsumeDefaultTokenBucket = Google_Protobuf_BoolValue(false) }
        if limit.maximumDynamicLimits != 20 {
            maxDynamicDescriptors = Google_Protobuf_UInt32Value(UInt32(clamping: limit.maximumDynamicLimits))
        }
        enableXRatelimitHeaders = limit.headers == .draft03 ? .draftVersion03 : .off
        enableRetryAfterHeader = limit.sendsRetryAfter
        rateLimitedAsResourceExhausted = limit.refusesAsResourceExhausted
    }
}

extension Envoy_Type_V3_TokenBucket {
    fileprivate init(_ bucket: LocalRateLimitConfiguration.Bucket) {
        self.init()
        maxTokens = bucket.maximumTokens
        tokensPerFill = Google_Protobuf_UInt32Value(bucket.tokensPerFill)
        fillInterval = Google_Protobuf_Duration(bucket.fillInterval)
    }
}
