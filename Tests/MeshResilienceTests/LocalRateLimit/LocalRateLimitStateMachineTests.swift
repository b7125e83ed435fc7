// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshResilience

@Suite struct LocalRateLimitStateMachineTests {
    private typealias Limit = LocalRateLimitConfiguration.Limit

    private static let start = MeshInstant(nanoseconds: 1_000_000_000)

    private func entry(_ key: String, _ value: String) -> RateLimitDescriptor.Entry { .init(key, value) }
    private func user(_ name: String, hits: UInt64? = nil, refunds: Bool = false) -> RateLimitDescriptor {
        RateLimitDescriptor([.init("user", name)], hits: hits, refunds: refunds)
    }
    private func machine(
        _ limits: [Limit] = [],
        bucket: LocalRateLimitConfiguration.Bucket? = nil,
        always: Bool = true,
        dynamic: Int = 20
    ) -> LocalRateLimitStateMachine {
        LocalRateLimitStateMachine(
            LocalRateLimitConfiguration(
                bucket: bucket,
                limits: limits,
                alwaysUsesCommonBucket: always,
                maximumDynamicLimits: dynamic
            ),
            at: Self.start
        )
    }

    @Test func `a bucket flows in evenly, and never above its size`() {
        var machine = machine(bucket: .init(maximumTokens: 2, tokensPerFill: 10, fillInterval: .seconds(1)))
        func pass(at milliseconds: UInt64) -> Bool {
            machine.requestCame([], at: Self.start.advanced(by: .milliseconds(milliseconds))).isAllowed
        }
        #expect([0, 0, 0, 99, 100, 100, 200].map(pass(at:)) == [true, true, false, false, true, false, true])
        // A rest of ten seconds is worth two tokens.
        #expect([10_200, 10_200, 10_200].map(pass(at:)) == [true, true, false])
    }

    @Test func `an answer says how its bucket stands`() {
        var machine = machine(bucket: .init(maximumTokens: 3, fillInterval: .seconds(4)))
        #expect(machine.requestCame([], at: Self.start).level == .init(maximum: 3, remaining: 2, reset: .zero))
        _ = machine.requestCame([], at: Self.start)
        _ = machine.requestCame([], at: Self.start)
        let refused = machine.requestCame([], at: Self.start.advanced(by: .seconds(1)))
        #expect(refused == .init(isAllowed: false, level: .init(maximum: 3, remaining: 0, reset: .seconds(3))))
    }

    @Test func `a descriptor has its bucket, and takes of the common one only if it should`() {
        let alice = Limit([entry("user", "alice")], bucket: .init(maximumTokens: 1, fillInterval: .seconds(60)))
        for always in [true, false] {
            var machine = machine(
                [alice],
                bucket: .init(maximumTokens: 2, fillInterval: .seconds(60)),
                always: always
            )
            #expect(machine.requestCame([user("alice")], at: Self.start).isAllowed)
            #expect(!machine.requestCame([user("alice")], at: Self.start).isAllowed)
            #expect(machine.requestCame([user("bob")], at: Self.start).isAllowed)
            #expect(machine.requestCame([user("bob")], at: Self.start).isAllowed == !always)
        }
    }

    @Test func `of several buckets the slowest is asked first, and the first that is empty refuses`() {
        let slow = Limit([entry("path", "/a")], bucket: .init(maximumTokens: 1, fillInterval: .seconds(60)))
        let fast = Limit([entry("user", "alice")], bucket: .init(maximumTokens: 2, fillInterval: .seconds(1)))
        var machine = machine([fast, slow])
        let path = RateLimitDescriptor([entry("path", "/a")])
        #expect(machine.requestCame([user("alice"), path], at: Self.start).level?.maximum == 1)
        let refused = machine.requestCame([user("alice"), path], at: Self.start)
        #expect(!refused.isAllowed && refused.level?.maximum == 1)
        // The refusal came before the faster bucket was asked.
        #expect(machine.requestCame([user("alice")], at: Self.start).level?.remaining == 0)
    }

    @Test func `descriptors match by all of their entries, in order`() {
        let limit = Limit(
            [entry("user", "alice"), entry("path", "/a")],
            bucket: .init(maximumTokens: 0, fillInterval: .zero)
        )
        var machine = machine([limit])
        let other = [[entry("path", "/a"), entry("user", "alice")], [entry("user", "alice")], []]
        for entries in other {
            #expect(machine.requestCame([RateLimitDescriptor(entries)], at: Self.start) == .init(isAllowed: true))
        }
        #expect(!machine.requestCame([RateLimitDescriptor(limit.entries)], at: Self.start).isAllowed)
    }

    @Test func `an entry for every value has a bucket for each, and the least recently used makes room`() {
        let everyone = Limit([entry("user", "")], bucket: .init(maximumTokens: 1, fillInterval: .seconds(60)))
        let alice = Limit([entry("user", "alice")], bucket: .init(maximumTokens: 2, fillInterval: .seconds(60)))
        var machine = machine([everyone, alice], dynamic: 2)
        func pass(_ name: String) -> Bool { machine.requestCame([user(name)], at: Self.start).isAllowed }
        #expect([pass("alice"), pass("alice"), pass("alice")] == [true, true, false])
        #expect([pass("bob"), pass("carol"), pass("bob"), pass("carol")] == [true, true, false, false])
        // Bob was used before Carol: his bucket makes room, and is a new one afterwards.
        #expect(pass("dave") && machine.dynamicCount == 2)
        #expect(!pass("carol") && pass("bob") && machine.dynamicCount == 2)
    }

    @Test func `hits count as many tokens, and may be given back`() {
        let everyone = Limit([entry("user", "")], bucket: .init(maximumTokens: 10, fillInterval: .seconds(3_600)))
        var machine = machine([everyone])
        func remaining(_ hits: UInt64, refunds: Bool = false) -> UInt64? {
            let answer = machine.requestCame([user("a", hits: hits, refunds: refunds)], at: Self.start)
            return answer.isAllowed ? answer.level?.remaining : nil
        }
        #expect(remaining(7) == 3 && remaining(4) == nil && remaining(0) == 3)
        #expect(remaining(5, refunds: true) == 8 && remaining(50, refunds: true) == 10)
    }

    @Test func `a bucket in the shadow says so`() {
        let empty = LocalRateLimitConfiguration.Bucket(maximumTokens: 0, fillInterval: .zero)
        var machine = machine([Limit([entry("user", "a")], bucket: empty, isShadow: true)])
        let answer = machine.requestCame([user("a")], at: Self.start)
        #expect(!answer.isAllowed && answer.isShadow)
    }

    @Test func `many random requests never win more than the buckets hold`() {
        let random = MeshRandom(seed: 11)
        let limit = Limit(
            [entry("user", "")],
            bucket: .init(maximumTokens: 5, tokensPerFill: 2, fillInterval: .seconds(1))
        )
        var machine = machine([limit], dynamic: 3)
        var now = Self.start
        var granted: [String: Int] = [:]
        for _ in 0..<20_000 {
            now = now.advanced(by: .milliseconds(random.below(50)))
            // Three names: none of them ever makes room.
            let name = ["a", "b", "c"][Int(random.below(3))]
            if machine.requestCame([user(name)], at: now).isAllowed { granted[name, default: 0] += 1 }
        }
        let elapsed = now.elapsed(since: Self.start).seconds
        for count in granted.values {
            #expect(Double(count) <= 5 + 2 * elapsed + 0.001 && Double(count) > 2 * elapsed * 0.9)
        }
    }

    @Test func `extremes neither overflow nor trap`() {
        let huge = Limit(
            [entry("user", "")],
            bucket: .init(maximumTokens: .max, tokensPerFill: .max, fillInterval: .milliseconds(50))
        )
        let slow = Limit([entry("path", "")], bucket: .init(maximumTokens: 1, fillInterval: .seconds(31_536_000)))
        var machine = machine([huge, slow], bucket: .init(maximumTokens: 1, tokensPerFill: 0, fillInterval: .forever))
        let late = MeshInstant(nanoseconds: .max)
        for now in [Self.start, late, MeshInstant(nanoseconds: 0)] {
            for hits in [0, 1, UInt64.max] {
                _ = machine.requestCame([user("a", hits: hits), user("a", hits: hits, refunds: true)], at: now)
                _ = machine.requestCame([RateLimitDescriptor([entry("path", "x")])], at: now)
            }
        }
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = LocalRateLimitConfiguration(
            bucket: .init(maximumTokens: 1, tokensPerFill: 0, fillInterval: .milliseconds(49)),
            limits: [
                Limit([], bucket: .init(maximumTokens: 0, fillInterval: .zero)),
                Limit([entry("", "a")], bucket: .init(maximumTokens: 1, fillInterval: .zero)),
                Limit([entry("", "a")], bucket: .init(maximumTokens: 1, fillInterval: .seconds(1))),
            ],
            maximumDynamicLimits: 0,
            refusalStatus: 399
        )
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "bucket.tokensPerFill", "bucket.fillInterval", "limits[0].entries", "limits[1].entries[0].key",
                "limits[1].bucket.fillInterval", "limits[2].entries", "limits[2].entries[0].key",
                "maximumDynamicLimits", "refusalStatus",
            ]
        )
    }
}
