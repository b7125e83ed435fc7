// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshResilience

@Suite struct HedgingDelayStateMachineTests {
    private func instant(_ milliseconds: UInt64) -> MeshInstant {
        MeshInstant(nanoseconds: 1_000_000_000).advanced(by: .milliseconds(milliseconds))
    }

    private func machine(_ percentile: HedgingPercentile) -> HedgingDelayStateMachine {
        HedgingDelayStateMachine(.percentile(percentile), at: instant(0))
    }

    @Test func `row 105: the 90th percentile of eight calls of 1 ms and two of 10 ms is below 11 ms`() throws {
        var machine = machine(HedgingPercentile(0.9, minimumCalls: 10))
        for latency in [1, 1, 1, 1, 1, 1, 1, 1, 10, 10] as [UInt64] {
            machine.attemptEnded(after: .milliseconds(latency), at: instant(100))
        }
        let early = machine.currentDelay(at: instant(2999))
        #expect(early == nil, "the percentile is computed every 3 s")
        let computed = machine.currentDelay(at: instant(3000))
        let delay = try #require(computed)
        #expect(delay >= .milliseconds(10) && delay < .milliseconds(11))
    }

    @Test func `row 105: nothing is hedged while there are fewer calls than the minimum`() {
        var machine = machine(HedgingPercentile(0.9, minimumCalls: 11))
        for _ in 0..<10 { machine.attemptEnded(after: .milliseconds(1), at: instant(100)) }
        let before = machine.currentDelay(at: instant(3000))
        #expect(before == nil)
        machine.attemptEnded(after: .milliseconds(1), at: instant(3001))
        let after = machine.currentDelay(at: instant(6000))
        #expect(after != nil)
    }

    @Test func `row 107: a percentile above what is tracked starts no timer`() {
        var machine = machine(HedgingPercentile(0.5, highestTrackable: .seconds(2), minimumCalls: 1))
        for _ in 0..<10 { machine.attemptEnded(after: .seconds(3), at: instant(100)) }
        let delay = machine.currentDelay(at: instant(3000))
        #expect(delay == nil)
    }

    @Test func `Finagle: the delay is at least 1 ms however fast the calls are`() {
        var machine = machine(HedgingPercentile(maximumExtraLoad: 0.01))
        for _ in 0..<100 { machine.attemptEnded(after: .zero, at: instant(1)) }
        let delay = machine.currentDelay(at: instant(3000))
        #expect(delay == .milliseconds(1))
    }

    @Test func `old slices are forgotten, after long pauses too`() {
        var machine = machine(HedgingPercentile(0.5, minimumCalls: 1))
        machine.attemptEnded(after: .milliseconds(100), at: instant(0))
        let fresh = machine.currentDelay(at: instant(3000))
        #expect(fresh != nil)
        machine.attemptEnded(after: .milliseconds(5), at: instant(25_000))
        let both = machine.currentDelay(at: instant(25_000))
        #expect((both ?? .zero) < .milliseconds(6), "the lower of two")
        let lateOnly = machine.currentDelay(at: instant(40_000))
        #expect(lateOnly != nil)
        let none = machine.currentDelay(at: instant(60 * 86_400_000))
        #expect(none == nil)
    }

    @Test func `a fixed delay and none need no calls`() {
        var fixed = HedgingDelayStateMachine(.fixed(.milliseconds(7)), at: instant(0))
        let delay = fixed.currentDelay(at: instant(9_999_999))
        #expect(delay == .milliseconds(7))
        var never = HedgingDelayStateMachine(.afterFailure, at: instant(0))
        never.attemptEnded(after: .forever, at: instant(1))
        let none = never.currentDelay(at: instant(9_999_999))
        #expect(none == nil)
    }

    @Test func `a step of the histogram is at most 3.2 % wide above 32 µs`() {
        let random = MeshRandom(seed: 5)
        for _ in 0..<100_000 {
            let latency = Nanoseconds(rawValue: random.next() >> (random.below(40) + 12))
            let bound = SlidingLatencyHistogram.upperBound(of: SlidingLatencyHistogram.step(of: latency))
            let isClose = Double(bound.rawValue - latency.rawValue) <= max(Double(latency.rawValue) * 0.0321, 1000)
            guard bound > latency, isClose else {
                Issue.record("\(latency) lies in a step that ends at \(bound)")
                return
            }
        }
    }

    @Test func `a random walk: the percentile lies where sorting puts it`() {
        let random = MeshRandom(seed: 9)
        var histogram = SlidingLatencyHistogram(
            highest: .seconds(2),
            slices: 3,
            sliceWidth: .seconds(10),
            at: MeshInstant(nanoseconds: 0)
        )
        var model: [(slice: UInt64, latency: Nanoseconds)] = []
        var now: UInt64 = 0
        for step in 0..<100_000 {
            now += random.below(30_000_000)
            let latency = Nanoseconds(rawValue: random.below(1_000_000_000))
            histogram.add(latency, at: MeshInstant(nanoseconds: now))
            model.append((now / 10_000_000_000, latency))
            guard step.isMultiple(of: 500) else { continue }
            let current = now / 10_000_000_000
            model.removeAll { $0.slice + 2 < current }
            let sorted = model.map(\.latency).sorted()
            let exact = sorted[max(Int((0.9 * Double(sorted.count)).rounded(.up)), 1) - 1]
            let bound = SlidingLatencyHistogram.upperBound(of: SlidingLatencyHistogram.step(of: exact))
            guard histogram.count == model.count, histogram.value(at: 0.9) == bound else {
                Issue.record("step \(step): \(histogram.count) of \(model.count), \(bound)")
                return
            }
        }
    }

    @Test func `extreme latencies neither overflow nor trap`() {
        for latency in [0, 1, 999, 1000, 31_999, 32_000, .max] as [UInt64] {
            let step = SlidingLatencyHistogram.step(of: Nanoseconds(rawValue: latency))
            #expect(SlidingLatencyHistogram.upperBound(of: step).rawValue >= latency)
        }
        var histogram = SlidingLatencyHistogram(
            highest: .seconds(3600),
            slices: 60,
            sliceWidth: .milliseconds(100),
            at: MeshInstant(nanoseconds: .max - 1)
        )
        histogram.add(.forever, at: MeshInstant(nanoseconds: .max))
        histogram.add(.zero, at: MeshInstant(nanoseconds: 0))
        #expect(histogram.count == 2)
        #expect(histogram.value(at: 1) == nil)
        #expect(histogram.value(at: 0.5) == Nanoseconds(rawValue: 1000))
    }
}
