// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct TokenBucketStateMachineTests {
    private let start = MeshInstant(nanoseconds: 1_000_000_000)

    @Test func `a full bucket gives its burst, then what is filled in`() {
        let configuration = RateLimitConfiguration(maximumTokens: 3, tokensPerFill: 2, fillInterval: .seconds(1))
        var bucket = TokenBucketStateMachine(configuration, at: start)
        #expect((0..<3).allSatisfy { _ in bucket.tokenWanted(at: start) == .granted })
        #expect(bucket.tokenWanted(at: start) == .refused(retryAfter: .seconds(1)))
        let soon = start.advanced(by: .milliseconds(999))
        #expect(bucket.tokenWanted(at: soon) == .refused(retryAfter: .milliseconds(1)))
        let later = start.advanced(by: .seconds(1))
        #expect((0..<2).allSatisfy { _ in bucket.tokenWanted(at: later) == .granted })
        #expect(bucket.tokenWanted(at: later) == .refused(retryAfter: .seconds(1)))
    }

    @Test func `a long pause fills it to the brim and no further`() {
        let configuration = RateLimitConfiguration(maximumTokens: 5, fillInterval: .milliseconds(250))
        var bucket = TokenBucketStateMachine(configuration, at: start)
        let later = start.advanced(by: .seconds(86_400))
        #expect((0..<6).map { _ in bucket.tokenWanted(at: later) == .granted }.count { $0 } == 5)
    }

    @Test func `part of an interval counts towards the next fill`() {
        let configuration = RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(1))
        var bucket = TokenBucketStateMachine(configuration, at: start)
        #expect(bucket.tokenWanted(at: start) == .granted)
        #expect(bucket.tokenWanted(at: start.advanced(by: .milliseconds(1_500))) == .granted)
        #expect(bucket.tokenWanted(at: start.advanced(by: .milliseconds(2_000))) == .granted)
    }

    @Test func `time that stands still or runs backwards fills nothing`() {
        let configuration = RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(1))
        var bucket = TokenBucketStateMachine(configuration, at: start)
        #expect(bucket.tokenWanted(at: start) == .granted)
        guard case .refused(let wait) = bucket.tokenWanted(at: MeshInstant(nanoseconds: 0)) else {
            Issue.record("a token came from nowhere")
            return
        }
        #expect(wait == .seconds(2))
    }

    @Test func `extremes do not overflow`() {
        let largest = RateLimitConfiguration(maximumTokens: .max, tokensPerFill: .max, fillInterval: .forever)
        var bucket = TokenBucketStateMachine(largest, at: MeshInstant(nanoseconds: 0))
        #expect(bucket.tokenWanted(at: MeshInstant(nanoseconds: .max)) == .granted)
        let smallest = RateLimitConfiguration(maximumTokens: .min, tokensPerFill: .min, fillInterval: .zero)
        bucket = TokenBucketStateMachine(smallest, at: MeshInstant(nanoseconds: 0))
        #expect(bucket.tokenWanted(at: MeshInstant(nanoseconds: .max)) != .granted)
        let fast = RateLimitConfiguration(maximumTokens: .max, tokensPerFill: .max, fillInterval: .zero)
        bucket = TokenBucketStateMachine(fast, at: MeshInstant(nanoseconds: 0))
        #expect(bucket.tokenWanted(at: MeshInstant(nanoseconds: .max)) == .granted)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `over any span no more is granted than the burst and the fills`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        let configuration = RateLimitConfiguration(maximumTokens: 7, tokensPerFill: 3, fillInterval: .milliseconds(50))
        var bucket = TokenBucketStateMachine(configuration, at: start)
        var now = start
        var granted: UInt64 = 0
        for _ in 0..<20_000 {
            now = now.advanced(by: Nanoseconds(rawValue: random.below(20_000_000)))
            switch bucket.tokenWanted(at: now) {
            case .granted: granted += 1
            case .refused(let wait):
                #expect(wait > .zero && wait <= configuration.fillInterval)
                var copy = bucket
                #expect(copy.tokenWanted(at: now.advanced(by: wait)) == .granted)
            }
            let fills = now.elapsed(since: start).rawValue / configuration.fillInterval.rawValue
            #expect(granted <= 7 + 3 * fills)
        }
    }
}
