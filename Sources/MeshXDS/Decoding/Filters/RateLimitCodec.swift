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
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        guard Self.isPlain(message) else {
            return LocalRateLimitFilter(message, at: path, &context).map(HTTPFilter.localRateLimit)
        }
        return limit(message, at: path, &context).map(HTTPFilter.rateLimit)
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return }
        if Self.isPlain(message) {
            overrides.rateLimit = limit(message, at: path, &context) ?? Self.off
        } else {
            // As in Envoy: what a place says is a limit of its own.
            guard message.hasTokenBucket else {
                context.reject(path["token_bucket"], "is missing")
                return
            }
            // What another control plane says of a route stands in the listener's place; ours are two limits.
            guard let filter = LocalRateLimitFilter(message, at: path, &context) else { return }
            overrides.filters.localRateLimit = .settings(filter)
            if message.statPrefix != LocalRateLimitFilter.ownPrefix { overrides.rateLimit = Self.off }
        }
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.rateLimit = Self.off
        overrides.filters.localRateLimit = .disabled
    }

    /// Whether it is a `RateLimitConfiguration` of ours: one bucket for all requests is all that is said, with shares of all
    /// or none, which the runtime does not change.
    private static func isPlain(_ message: Message) -> Bool {
        func isWhole(_ share: Envoy_Type_V3_FractionalPercent) -> Bool {
            var context = DecodingContext(registry: .standard)
            guard let share = FractionalPercent(share, at: .root, &context) else { return true }
            return share.numerator == 0 || share.isAll
        }
        return message.statPrefix == ownPlainPrefix && read.others(in: message).isEmpty
            && isWhole(message.filterEnabled.defaultValue) && isWhole(message.filterEnforced.defaultValue)
            && message.filterEnabled.runtimeKey.isEmpty && message.filterEnforced.runtimeKey.isEmpty
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        switch filter {
        case .rateLimit(let limit): return try Self.encoded(limit)
        case .localRateLimit(let filter): return try Google_Protobuf_Any(packing: Message(filter))
        default: return nil
        }
    }

    /// A filter without a limit: what Envoy needs on the listener for a route's limit to work.
    static func encodedAnchor() throws -> Google_Protobuf_Any {
        var message = Message()
        message.statPrefix = ownPlainPrefix
        return try Google_Protobuf_Any(packing: message)
    }

    /// By this our own plain limits are known.
    private static let ownPlainPrefix = "rate_limit"

    /// A limit that stands in the listener's place and limits nothing. Its rate means nothing.
    private static let off = RateLimitConfiguration(rate: 1, per: .seconds(1), mode: .disabled)

    /// Encodes a limit, for a listener or a route.
    static func encoded(_ limit: RateLimitConfiguration) throws -> Google_Protobuf_Any {
        var message = Message()
        message.statPrefix = ownPlainPrefix
        message.tokenBucket.maxTokens = UInt32(clamping: limit.maximumTokens)
        message.tokenBucket.tokensPerFill = Google_Protobuf_UInt32Value(UInt32(clamping: limit.tokensPerFill))
        message.tokenBucket.fillInterval = Google_Protobuf_Duration(limit.fillInterval)
        // Both are 0% when they are left out: the filter would neither count nor refuse.
        message.filterEnabled.defaultValue.numerator = limit.mode == .disabled ? 0 : 100
        message.filterEnforced.defaultValue.numerator = limit.mode == .enforce ? 100 : 0
        return try Google_Protobuf_Any(packing: message)
    }

    private func limit(
        _ message: Message,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> RateLimitConfiguration? {
        guard message.hasTokenBucket else { return nil }
        guard let mode = mode(of: message, at: path, &context) else { return nil }
        let bucket = message.tokenBucket
        let fill = path["token_bucket"]["fill_interval"]
        guard let interval = Nanoseconds(positive: bucket.fillInterval, at: fill, &context) else { return nil }
        let limit = RateLimitConfiguration(
            maximumTokens: Int(bucket.maxTokens),
            tokensPerFill: bucket.hasTokensPerFill ? Int(bucket.tokensPerFill.value) : 1,
            fillInterval: interval,
            mode: mode
        )
        return context.attempt(path["token_bucket"]) { () throws(ConfigurationError) in
            try limit.validate()
            return limit
        }
    }

    /// All requests are counted or none, and all refusals are carried out or none: a limit that counts and refuses
    /// nothing is observed.
    private func mode(
        of message: Message,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> PolicyMode? {
        let (enabled, enforced) = (path["filter_enabled"], path["filter_enforced"])
        guard let counted = FractionalPercent(message.filterEnabled.defaultValue, at: enabled, &context),
            let refused = FractionalPercent(message.filterEnforced.defaultValue, at: enforced, &context)
        else { return nil }
        if counted.numerator == 0 { return .disabled }
        guard counted.isAll else {
            context.ignore(path, "no limit is in force: filter_enabled is \(counted), only 0% and 100% are supported")
            return nil
        }
        guard refused.isAll || refused.numerator == 0 else {
            context.ignore(
                path,
                "the limit only observes: filter_enforced is \(refused), only 0% and 100% are supported"
            )
            return .observe
        }
        return refused.isAll ? .enforce : .observe
    }
}
