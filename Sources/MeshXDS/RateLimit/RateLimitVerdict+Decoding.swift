// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import SwiftProtobuf

extension RateLimitVerdict {
    /// Reads a service's answer. What cannot be read in it is left aside: a limit's service must not break requests.
    init(_ message: Envoy_Service_Ratelimit_V3_RateLimitResponse) {
        self.init(
            isOverLimit: message.overallCode == .overLimit,
            statuses: message.statuses.map { Status($0) },
            responseHeaders: message.responseHeadersToAdd.compactMap { LocalReply.Header($0) },
            requestHeaders: message.requestHeadersToAdd.compactMap { LocalReply.Header($0) },
            body: String(decoding: message.rawBody, as: UTF8.self),
            metadata: message.dynamicMetadata.fields.mapValues { MetadataValue($0) }
        )
    }
}

extension RateLimitVerdict.Status {
    fileprivate init(_ message: Envoy_Service_Ratelimit_V3_RateLimitResponse.DescriptorStatus) {
        var context = DecodingContext(registry: .standard)
        self.init(
            isOverLimit: message.code == .overLimit,
            limit: message.hasCurrentLimit ? RateLimitVerdict.Limit(message.currentLimit) : nil,
            remaining: message.limitRemaining,
            reset: Nanoseconds(message.durationUntilReset, at: .root, &context) ?? .zero
        )
    }
}

extension RateLimitVerdict.Limit {
    fileprivate init(_ message: Envoy_Service_Ratelimit_V3_RateLimitResponse.RateLimit) {
        let unit: RateLimitUnit? =
            switch message.unit {
            case .second: .second
            case .minute: .minute
            case .hour: .hour
            case .day: .day
            case .week: .week
            case .month: .month
            case .year: .year
            case .unknown, .UNRECOGNIZED: nil
            }
        self.init(name: message.name, requestsPerUnit: message.requestsPerUnit, unit: unit)
    }
}

extension LocalReply.Header {
    fileprivate init?(_ message: Envoy_Config_Core_V3_HeaderValue) {
        let name = HeaderName(message.key)
        guard name.isValid else { return nil }
        let raw = message.rawValue
        self.init(name, raw.isEmpty ? message.value : String(decoding: raw, as: UTF8.self))
    }
}

extension MetadataValue {
    /// Reads a value of JSON.
    init(_ message: Google_Protobuf_Value) {
        switch message.kind {
        case .boolValue(let value): self = .boolean(value)
        case .numberValue(let value): self = .number(value)
        case .stringValue(let value): self = .text(value)
        case .listValue(let list): self = .list(list.values.map { Self($0) })
        case .structValue(let fields): self = .fields(fields.fields.mapValues { Self($0) })
        case .nullValue, nil: self = .null
        }
    }
}

extension Envoy_Extensions_Common_Ratelimit_V3_RateLimitDescriptor {
    /// Encodes what a request counts as.
    init(_ descriptor: RateLimitDescriptor) {
        self.init()
        entries = descriptor.entries.map { entry in
            var message = Entry()
            message.key = entry.key
            message.value = entry.value
            return message
        }
        if let limit = descriptor.limit {
            self.limit.requestsPerUnit = limit.requestsPerUnit
            self.limit.unit = Envoy_Type_V3_RateLimitUnit(limit.unit)
        }
        if let hits = descriptor.hits { hitsAddend = Google_Protobuf_UInt64Value(hits) }
        isNegativeHits = descriptor.refunds
    }
}
