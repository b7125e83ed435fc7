// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
import Testing

@testable import MeshBalancing

/// Rows 132 to 141 of the behavioural facts, which are Finagle's, Tower's and Linkerd's.
@Suite struct PeakEWMATests {
    private func milliseconds(_ value: Double) -> Double { value / 1e6 }

    // Row 137, Tower's `default_decay`: 10 ms decay to between 9 and 10 after 100 ms, and to between 8 and 9 after 200 ms.
    @Test func `what is not told anything decays`() {
        let start = MeshInstant(nanoseconds: 0)
        let average = LatencyAverage(10e6, at: start)
        func value(after span: UInt64) -> Double {
            milliseconds(average.value(at: start.advanced(by: .milliseconds(span)), decayTime: .seconds(1)))
        }
        #expect(value(after: 0) == 10)
        #expect((9..<10).contains(value(after: 100)))
        #expect((8..<9).contains(value(after: 200)))
    }

    // Row 138, Tower's `compound_decay`.
    @Test func `a higher latency counts at once, and is forgotten slowly`() {
        let start = MeshInstant(nanoseconds: 0)
        var average = LatencyAverage(20e6, at: start)
        func instant(_ milliseconds: UInt64) -> MeshInstant { start.advanced(by: .milliseconds(milliseconds)) }
        func load(at now: UInt64, pending: Double) -> Double {
            milliseconds(average.value(at: instant(now), decayTime: .seconds(1))) * (pending + 1)
        }
        average.record(.milliseconds(200), at: instant(300), decayTime: .seconds(1))
        #expect(load(at: 300, pending: 1) == 400)
        average.record(.milliseconds(200), at: instant(400), decayTime: .seconds(1))
        #expect(abs(load(at: 400, pending: 0) - 200) < 1e-6)
        #expect(load(at: 1_400, pending: 0) < 100)
        #expect(load(at: 11_400, pending: 0) < 0.1)
    }

    // Row 139, Linkerd: after one decay time a value is 1/e of itself, and reading does not change it.
    @Test func `reading changes nothing`() {
        let start = MeshInstant(nanoseconds: 0)
        let average = LatencyAverage(1, at: start)
        let later = start.advanced(by: .seconds(10))
        for _ in 0..<3 {
            #expect(abs(average.value(at: later, decayTime: .seconds(10)) - 0.367_879_441_171_442_3) < 1e-12)
        }
    }

    // Against the C library's `exp`.
    @Test(
        arguments: [
            (0, 1), (1, 0.904_837_418_035_959_6), (5, 0.606_530_659_712_633_4), (10, 0.367_879_441_171_442_33),
            (25, 0.082_084_998_623_898_8), (100, 4.539_992_976_248_485e-05), (7_000, 9.859_676_543_759_77e-305),
            (.max, 0),
        ] as [(UInt64, Double)]
    )
    func `the exponential is exact`(tenths: UInt64, expected: Double) {
        let share = LatencyAverage.share(left: Nanoseconds(rawValue: tenths), of: Nanoseconds(rawValue: 10))
        #expect(abs(share - expected) <= expected * 1e-9)
    }

    /// Sends requests one after another, each of which takes an endpoint as long as it is told.
    private func shares(
        _ fixture: PickerFixture,
        _ policy: PeakEWMA = PeakEWMA(),
        requests: Int = 20_000,
        latency: (Int) -> AttemptAnswer
    ) -> [Int] {
        let picker = policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        var counts = fixture.endpoints.map { _ in 0 }
        for _ in 0..<requests {
            guard let endpoint = picker.pick(for: PickRequest(at: fixture.now)),
                let position = fixture.endpoints.firstIndex(where: { $0 === endpoint })
            else { continue }
            counts[position] += 1
            policy.answered(latency(position), by: endpoint)
        }
        return counts
    }

    private func answer(
        _ latency: Nanoseconds,
        _ outcome: Outcome = .success,
        retryAfter: Nanoseconds? = nil
    ) -> AttemptAnswer {
        AttemptAnswer(latency: latency, outcome: outcome, retryAfter: retryAfter, now: PickerFixture(count: 0).now)
    }

    // Row 134, Finagle: an endpoint that never answers gets one request.
    @Test func `an endpoint without history gets one request until it has answered`() {
        let fixture = PickerFixture(count: 5)
        let policy = PeakEWMA()
        let picker = policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        var unanswered = 0
        for _ in 0..<1_000 {
            guard let endpoint = picker.pick(for: PickRequest(at: fixture.now)) else { continue }
            if endpoint === fixture.endpoints[0] {
                unanswered += 1
                endpoint.activeRequests.wrappingAdd(1, ordering: .relaxed)
            } else {
                policy.answered(answer(.milliseconds(10)), by: endpoint)
            }
        }
        #expect(unanswered == 1)
    }

    // Row 135.
    @Test func `equal endpoints share evenly`() {
        let fixture = PickerFixture(count: 5)
        let counts = shares(fixture) { _ in answer(.milliseconds(10)) }
        for count in counts { #expect((3_700...4_300).contains(count), "\(counts)") }
    }

    @Test func `one that is ten times slower gets next to nothing`() {
        let fixture = PickerFixture(count: 10)
        let counts = shares(fixture) { answer(.milliseconds($0 == 3 ? 100 : 10)) }
        #expect(counts[3] <= 2, "\(counts)")
    }

    // Row 140: 503 with `retry-after` of 1, 30 and 1000 s, and one without, count as 5, 30, 300 and 5 s; never as less than they
    // took.
    @Test(
        arguments: [
            (.seconds(1), .milliseconds(1), .seconds(5)), (.seconds(30), .milliseconds(1), .seconds(30)),
            (.seconds(1_000), .milliseconds(1), .seconds(300)), (nil, .milliseconds(1), .seconds(5)),
            (nil, .seconds(7), .seconds(7)),
        ] as [(Nanoseconds?, Nanoseconds, Nanoseconds)]
    )
    func `a failure has its penalty`(retryAfter: Nanoseconds?, latency: Nanoseconds, expected: Nanoseconds) {
        let fixture = PickerFixture(count: 1)
        PeakEWMA().answered(answer(latency, .failure, retryAfter: retryAfter), by: fixture.endpoints[0])
        #expect(fixture.endpoints[0].latencies.average?.value == Double(expected.rawValue))
    }

    // Row 141.
    @Test func `a request whose caller gave up counts`() {
        let fixture = PickerFixture(count: 1)
        PeakEWMA().answered(answer(.seconds(2), .ignored), by: fixture.endpoints[0])
        #expect(fixture.endpoints[0].latencies.average?.value == 2e9)
    }

    // Row 132: two distinct ones are drawn, so that of two the better one is always found.
    @Test func `two different ones are drawn`() {
        let fixture = PickerFixture(count: 2)
        fixture.endpoints[0].activeRequests.store(1, ordering: .relaxed)
        let policy = PeakEWMA(defaultLatency: .milliseconds(10))
        let picker = policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        #expect(fixture.counts(picker, 100) == [0, 100])
    }

    @Test func `ejected endpoints are passed over, tried ones only if there is another`() {
        let fixture = PickerFixture(count: 3)
        let picker = PeakEWMA().makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        fixture.eject(0)
        #expect(fixture.counts(picker, 100, excluding: [fixture.address(1)]) == [0, 0, 100])
        fixture.eject(2)
        #expect(fixture.counts(picker, 10, excluding: [fixture.address(1)]) == [0, 10, 0])
        fixture.eject(1)
        #expect(fixture.picks(picker, 1).isEmpty)
    }

    @Test func `bounds are named, and extreme latencies trap nothing`() {
        let error = #expect(throws: ConfigurationError.self) {
            try PeakEWMA(decayTime: .zero, failurePenalty: .seconds(9), maximumPenalty: .seconds(1)).validate()
        }
        #expect(error?.problems.map(\.path) == ["decayTime", "maximumPenalty"])
        let fixture = PickerFixture(count: 2)
        let counts = shares(fixture, requests: 100) { answer($0 == 0 ? .forever : .zero) }
        #expect(counts.reduce(0, +) == 100)
    }
}
