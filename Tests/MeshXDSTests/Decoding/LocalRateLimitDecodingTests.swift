// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Decoding local rate limits")
struct LocalRateLimitDecodingTests {
    private typealias Message = Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit
    private typealias Bucket = LocalRateLimitConfiguration.Bucket

    private static func message(enabled: UInt32, prefix: String = "s") -> Message {
        var message = Message()
        message.statPrefix = prefix
        message.tokenBucket.maxTokens = 5
        message.tokenBucket.fillInterval.seconds = 1
        message.filterEnabled.defaultValue.numerator = enabled
        message.filterEnforced.defaultValue.numerator = 100
        return message
    }

    @Test func `a limit that is in force for a share of the requests is read as one with descriptors`() throws {
        var context = DecodingContext(registry: .standard)
        let any = try Google_Protobuf_Any(packing: Self.message(enabled: 50))
        guard case .localRateLimit(let filter)? = RateLimitCodec().decode(any, at: .root, &context) else {
            Issue.record("\(context.problems)")
            return
        }
        #expect(context.ignored.isEmpty)
        #expect(filter.enabled.share == FractionalPercent(numerator: 50))
        #expect(filter.enforced.share == .all)
        #expect(filter.limit.bucket == Bucket(maximumTokens: 5, fillInterval: .seconds(1)))
        #expect(filter.limit.limits.isEmpty)
    }

    @Test func `a route's limit takes the place of both kinds of the listener's`() throws {
        var context = DecodingContext(registry: .standard)
        var plain = RouteOverrides()
        let own = try Google_Protobuf_Any(packing: Self.message(enabled: 100, prefix: "rate_limit"))
        RateLimitCodec().decodeOverride(own, at: .root, into: &plain, &context)
        #expect(plain.rateLimit?.mode == .enforce)
        #expect(plain.filters.localRateLimit == nil)
        var whole = RouteOverrides()
        let full = try Google_Protobuf_Any(packing: Self.message(enabled: 100))
        RateLimitCodec().decodeOverride(full, at: .root, into: &whole, &context)
        #expect(whole.rateLimit?.mode == .disabled)
        guard case .settings? = whole.filters.localRateLimit else {
            Issue.record("\(String(describing: whole.filters.localRateLimit))")
            return
        }
        var shared = RouteOverrides()
        let half = try Google_Protobuf_Any(packing: Self.message(enabled: 50))
        RateLimitCodec().decodeOverride(half, at: .root, into: &shared, &context)
        #expect(shared.rateLimit?.mode == .disabled)
        guard case .settings? = shared.filters.localRateLimit else {
            Issue.record("\(String(describing: shared.filters.localRateLimit))")
            return
        }
    }
}
