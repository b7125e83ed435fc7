// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension RouteRateLimit {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RateLimit.self,
        "stage",
        "disable_key",
        "actions",
        "limit",
        "hits_addend",
        "apply_on_stream_done",
        "x_ratelimit_option"
    )
    private static let mostHits: UInt64 = 1_000_000_000

    /// Decodes what requests count as at a rate limit.
    /// - Returns: `nil`, with a problem, if a part of it is bad or not supported: a descriptor with a part less would be
    ///   another one.
    init?(_ message: Envoy_Config_Route_V3_RateLimit, at path: FieldPath, _ context: inout DecodingContext) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let stage = message.hasStage ? message.stage.value : 0
        guard stage <= 10 else {
            context.reject(path["stage"], "must be at most 10, is \(stage)")
            return nil
        }
        guard !message.actions.isEmpty else {
            context.reject(path["actions"], "is empty")
            return nil
        }
        guard let actions = context.list(message.actions, at: path, "actions", RateLimitAction.init) else { return nil }
        if message.applyOnStreamDone {
            context.ignore(path["apply_on_stream_done"], "nothing is counted when requests have ended")
        }
        self.init(actions, stage: Int(stage), disableKey: message.disableKey, appliesAtEnd: message.applyOnStreamDone)
        switch message.xRatelimitOption {
        case .unspecified: break
        case .off: headers = .off
        case .draftVersion03: headers = .draft03
        case .UNRECOGNIZED(let value):
            context.reject(path["x_ratelimit_option"], "\(value) is unknown")
            return nil
        }
        if message.hasLimit {
            guard let source = LimitSource(message.limit, at: path["limit"], &context) else { return nil }
            limit = source
        }
        guard message.hasHitsAddend else { return }
        guard readHits(message.hitsAddend, at: path["hits_addend"], &context) else { return nil }
    }

    private mutating func readHits(
        _ message: Envoy_Config_Route_V3_RateLimit.HitsAddend,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        refunds = message.isNegativeHits
        guard message.format.isEmpty || !message.hasNumber else {
            context.reject(path, "has both number and format")
            return false
        }
        if message.hasNumber {
            guard message.number.value <= Self.mostHits else {
                context.reject(path["number"], "must be at most \(Self.mostHits), is \(message.number.value)")
                return false
            }
            hits = .number(message.number.value)
        } else if !message.format.isEmpty {
            guard message.format.hasPrefix("%"), message.format.hasSuffix("%") else {
                context.reject(path["format"], "must begin and end with %")
                return false
            }
            guard let format = context.format(message.format, at: path["format"]) else { return false }
            hits = .format(format)
        }
        return true
    }
}

extension RouteRateLimit.LimitSource {
    fileprivate init?(
        _ message: Envoy_Config_Route_V3_RateLimit.Override,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        switch message.overrideSpecifier {
        case .rateLimit(let limit):
            guard let unit = RateLimitUnit(limit.unit, at: path["rate_limit"]["unit"], &context) else { return nil }
            self = .fixed(.init(requestsPerUnit: limit.requestsPerUnit, unit: unit))
        case .dynamicMetadata(let source):
            let path = path["dynamic_metadata"]["metadata_key"]
            guard let keys = context.keys(source.metadataKey, at: path) else { return nil }
            self = .metadata(filter: source.metadataKey.key, path: keys)
        case nil:
            context.reject(path, "has no limit that is supported")
            return nil
        }
    }
}

extension RateLimitUnit {
    /// Decodes the span of a rate.
    /// - Returns: `nil`, with a problem, if it is unknown.
    init?(_ message: Envoy_Type_V3_RateLimitUnit, at path: FieldPath, _ context: inout DecodingContext) {
        switch message {
        case .second: self = .second
        case .minute: self = .minute
        case .hour: self = .hour
        case .day: self = .day
        case .month: self = .month
        case .year: self = .year
        case .unknown, .UNRECOGNIZED:
            context.reject(path, "is unknown")
            return nil
        }
    }
}

extension DecodingContext {
    /// Compiles a format.
    /// - Returns: `nil`, with a problem, if it is bad.
    mutating func format(_ text: String, at path: FieldPath) -> HeaderFormat? {
        attempt(path) { () throws(ConfigurationError) in try HeaderFormat(text) }
    }

    /// The keys that lead to a value in metadata.
    /// - Returns: `nil`, with a problem, if one is missing.
    mutating func keys(_ message: Envoy_Type_Metadata_V3_MetadataKey, at path: FieldPath) -> [String]? {
        guard require(name: message.key, at: path["key"]) else { return nil }
        guard !message.path.isEmpty else {
            reject(path["path"], "is empty")
            return nil
        }
        return list(message.path, at: path, "path") { segment, path, context in
            context.require(name: segment.key, at: path["key"]) ? segment.key : nil
        }
    }
}

extension Envoy_Config_Route_V3_RateLimit {
    /// Encodes what requests count as.
    init(_ limit: RouteRateLimit) {
        self.init()
        if limit.stage != 0 { stage = Google_Protobuf_UInt32Value(UInt32(clamping: limit.stage)) }
        disableKey = limit.disableKey
        actions = limit.actions.map { Action($0) }
        applyOnStreamDone = limit.appliesAtEnd
        xRatelimitOption =
            switch limit.headers {
            case nil: .unspecified
            case .off: .off
            case .draft03: .draftVersion03
            }
        switch limit.limit {
        case .fixed(let fixed):
            self.limit.rateLimit.requestsPerUnit = fixed.requestsPerUnit
            self.limit.rateLimit.unit = Envoy_Type_V3_RateLimitUnit(fixed.unit)
        case .metadata(let filter, let keys):
            self.limit.dynamicMetadata.metadataKey = .init(filter: filter, keys: keys)
        case nil: break
        }
        switch limit.hits {
        case .number(let number): hitsAddend.number = Google_Protobuf_UInt64Value(number)
        case .format(let format): hitsAddend.format = format.text
        case nil: break
        }
        if limit.refunds { hitsAddend.isNegativeHits = true }
    }
}

extension Envoy_Type_V3_RateLimitUnit {
    /// Encodes the span of a rate; a week, which the API has no word for here, is unknown.
    init(_ unit: RateLimitUnit) {
        switch unit {
        case .second: self = .second
        case .minute: self = .minute
        case .hour: self = .hour
        case .day: self = .day
        case .week: self = .unknown
        case .month: self = .month
        case .year: self = .year
        }
    }
}

extension Envoy_Type_Metadata_V3_MetadataKey {
    /// Encodes where a value stands.
    init(filter: String, keys: [String]) {
        self.init()
        key = filter
        path = keys.map { key in
            var segment = PathSegment()
            segment.key = key
            return segment
        }
    }
}
