// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf

/// A token bucket in each process (`envoy.extensions.filters.http.local_ratelimit.v3`).
struct RateLimitCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit
    private static let read = ReadFields(
        Message.self,
        "stat_prefix",
        "token_bucket",
        "filter_enabled",
        "filter_enforced"
    )

    var typeName: String { Message.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        limit(message, at: path, &context).map(HTTPFilter.rateLimit)
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        overrides.rateLimit = limit(message, at: path, &context)
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        context.ignore(path, "the listener's rate limit stays in force: switching it off is not supported")
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .rateLimit(let limit) = filter else { return nil }
        return try Self.encoded(limit)
    }

    /// A filter without a limit: what Envoy needs on the listener for a route's limit to work.
    static func encodedAnchor() throws -> Google_Protobuf_Any {
        var message = Message()
        message.statPrefix = "rate_limit"
        return try Google_Protobuf_Any(packing: message)
    }

    /// Encodes a limit, for a listener or a route.
    static func encoded(_ limit: RateLimitConfiguration) throws -> Google_Protobuf_Any {
        var message = Message()
        message.statPrefix = "rate_limit"
        message.tokenBucket.maxTokens = UInt32(clamping: limit.maximumTokens)
        message.tokenBucket.tokensPerFill = Google_Protobuf_UInt32Value(UInt32(clamping: limit.tokensPerFill))
        message.tokenBucket.fillInterval = Google_Protobuf_Duration(limit.fillInterval)
        // Both are 0% when they are left out: the filter would neither count nor refuse.
        message.filterEnabled.defaultValue.numerator = 100
        message.filterEnforced.defaultValue.numerator = 100
        return try Google_Protobuf_Any(packing: message)
    }

    private func limit(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RateLimitConfiguration? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard message.hasTokenBucket else { return nil }
        for (field, fraction) in [
            ("filter_enabled", message.filterEnabled), ("filter_enforced", message.filterEnforced),
        ] {
            guard let share = FractionalPercent(fraction.defaultValue, at: path[field], &context) else { return nil }
            guard share.isAll else {
                context.ignore(path, "no limit is in force: \(field) is \(share), only 100% is supported")
                return nil
            }
        }
        let bucket = message.tokenBucket
        let fill = path["token_bucket"]["fill_interval"]
        guard let interval = Nanoseconds(positive: bucket.fillInterval, at: fill, &context) else { return nil }
        let limit = RateLimitConfiguration(
            maximumTokens: Int(bucket.maxTokens),
            tokensPerFill: bucket.hasTokensPerFill ? Int(bucket.tokensPerFill.value) : 1,
            fillInterval: interval
        )
        return context.attempt(path["token_bucket"]) { () throws(ConfigurationError) in
            try limit.validate()
            return limit
        }
    }
}
