// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

@Suite("The load of priorities")
struct PriorityLoadTests {
    /// Priorities of a hundred endpoints each, of which so many are healthy.
    private static func load(_ healthy: Int..., degraded: [Int] = [], panicThreshold: Int = 50) -> PriorityLoad {
        PriorityLoad(
            healthy.enumerated().map { priority, healthy in
                .init(total: 100, healthy: healthy, degraded: priority < degraded.count ? degraded[priority] : 0)
            },
            panicThreshold: panicThreshold
        )
    }

    /// Envoy's documentation of priority levels.
    @Test func `spills over as Envoy's does`() {
        #expect(Self.load(100, 100).healthy == [100, 0])
        #expect(Self.load(72, 100).healthy == [100, 0])
        #expect(Self.load(71, 100).healthy == [99, 1])
        #expect(Self.load(50, 100).healthy == [70, 30])
        #expect(Self.load(25, 100).healthy == [35, 65])
        #expect(Self.load(25, 25, panicThreshold: 0).healthy == [50, 50])
        // Its documentation rounds to 36, 36, 28; its source gives what is left over to the first.
        #expect(Self.load(25, 25, 20, panicThreshold: 0).healthy == [37, 35, 28])
        #expect(Self.load(0, 100).healthy == [0, 100])
    }

    /// Envoy's documentation of panic thresholds.
    @Test func `panics as Envoy does`() {
        let (none, first) = (Self.load(72, 72), Self.load(5, 65))
        #expect(none.panics == [false, false])
        // 5% of 140 are 7, 65% are 91: 98 in all, and the first has less than half of its endpoints.
        #expect(first.panics == [true, false])
        #expect(first.healthy == [8, 92])
        #expect(Self.load(71, 0).panics == [false, true])
        #expect(Self.load(0, 0).panics == [true, true])
        #expect(Self.load(0, 0).healthy == [50, 50])
        #expect(Self.load(0, 0, panicThreshold: 0).panics == [false, false])
        #expect(Self.load(0, 0, panicThreshold: 0).healthy == [100, 0])
        // 2 and 8 endpoints, none of them well.
        let total = PriorityLoad([.init(total: 2, healthy: 0), .init(total: 8, healthy: 0)])
        #expect(total.healthy == [20, 80])
        #expect(PriorityLoad([.init(total: 0, healthy: 0)]).healthy == [100])
        #expect(PriorityLoad([.init(total: 0, healthy: 0), .init(total: 3, healthy: 0)]).healthy == [0, 100])
        // Half is not less than half.
        #expect(PriorityLoad([.init(total: 2, healthy: 1)]).panics == [false])
        #expect(PriorityLoad([.init(total: 3, healthy: 1)]).panics == [true])
    }

    /// Envoy's source: 10/20/10% healthy and 20/10/0% degraded share 16/28/14 and 28/14/0.
    @Test func `degraded endpoints take what healthy ones leave`() {
        let load = Self.load(10, 20, 10, degraded: [20, 10, 0], panicThreshold: 0)
        #expect(load.healthy.reduce(0, +) + load.degraded.reduce(0, +) == 100)
        #expect(load.healthy[1] == 28 && load.degraded == [28, 14, 0])
        #expect(load.healthy[0] == 16 && load.healthy[2] == 14)
        let degraded = Self.load(0, 0, degraded: [50, 100])
        #expect(degraded.healthy == [0, 0] && degraded.degraded == [70, 30])
        #expect(degraded.choice(for: 69).kind == .degraded)
        #expect(degraded.choice(for: 69).priority == 0 && degraded.choice(for: 70).priority == 1)
    }

    @Test func `a number leads to one priority, a hundred in a row to each by its share`() {
        let load = Self.load(25, 100)
        let counts = (0..<100 as Range<UInt64>).reduce(into: [0, 0]) { $0[load.choice(for: $1).priority] += 1 }
        #expect(counts == [35, 65])
        #expect(load.choice(for: 134).priority == 0 && load.choice(for: 135).priority == 1)
    }

    /// Envoy's test/extensions/retry/priority/previous_priorities.
    @Test func `what was tried is avoided, as long as something is left`() {
        let load = Self.load(100, 100)
        #expect(load.avoiding(0b1)?.healthy == [0, 100])
        #expect(load.avoiding(0b10)?.healthy == [100, 0])
        #expect(load.avoiding(0b11) == nil)
        let three = Self.load(60, 20, 20)
        #expect(three.avoiding(0b1)?.healthy == [0, 50, 50])
        #expect(Self.load(0, 0).avoiding(0b1) == nil)
        #expect(Self.load(0, 100, degraded: [100, 0]).avoiding(0b10)?.degraded == [100, 0])
    }

    @Test func `shares of any priorities sum to a hundred`() {
        let random = MeshRandom(seed: 9)
        for _ in 0..<100_000 {
            let priorities = (0...Int(random.below(5))).map { _ -> PriorityLoad.Availability in
                let total = Int(random.below(20))
                let healthy = Int(random.below(UInt64(total) + 1))
                return .init(
                    total: total,
                    healthy: healthy,
                    degraded: Int(random.below(UInt64(total - healthy) + 1))
                )
            }
            let threshold = Int(random.below(101))
            let load = PriorityLoad(
                priorities,
                overprovisioningFactor: 100 + Int(random.below(100)),
                panicThreshold: threshold
            )
            let sum = load.healthy.reduce(0, +) + load.degraded.reduce(0, +)
            #expect(sum == 100)
            #expect(zip(load.healthy, load.degraded).allSatisfy { $0 >= 0 && $1 >= 0 })
            if threshold == 0 { #expect(load.panics.allSatisfy { !$0 }) }
            let avoided = Set((0..<priorities.count).filter { _ in random.below(2) == 0 })
            let mask = avoided.reduce(0 as UInt64) { $0 | 1 << UInt64($1) }
            guard let other = load.avoiding(mask) else { continue }
            #expect(other.healthy.reduce(0, +) + other.degraded.reduce(0, +) == 100)
            #expect(avoided.allSatisfy { other.healthy[$0] == 0 && other.degraded[$0] == 0 })
        }
    }
}
