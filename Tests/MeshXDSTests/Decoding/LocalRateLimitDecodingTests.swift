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

    private static func message(enabled: UInt32) -> Message {
        var message = Message()
        message.statPrefix = "s"
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
        let whole = try Google_Protobuf_Any(packing: Self.message(enabled: 100))
        RateLimitCodec().decodeOverride(whole, at: .root, into: &plain, &context)
        #expect(plain.rateLimit?.mode == .enforce)
        #expect(plain.filters.localRateLimit == .disabled)
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
