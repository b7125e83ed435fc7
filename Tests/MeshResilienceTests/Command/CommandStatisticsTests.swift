// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshResilience

@Suite struct CommandStatisticsTests {
    private static func second(_ number: UInt64) -> MeshInstant { MeshInstant(nanoseconds: number * 1_000_000_000) }

    @Test func `counts are forgotten second by second`() {
        var counts = RollingCounts()
        for second in 1...10 { for _ in 0..<second { counts.happened(.success, at: Self.second(UInt64(second))) } }
        #expect(counts.count(of: .success, at: Self.second(10)) == 55)
        #expect(counts.count(of: .success, at: Self.second(11)) == 54)
        #expect(counts.count(of: .success, at: Self.second(19)) == 10)
        #expect(counts.count(of: .success, at: Self.second(20)) == 0)
        #expect(counts.count(of: .failure, at: Self.second(10)) == 0)
    }

    @Test func `reading changes nothing`() {
        var counts = RollingCounts()
        counts.happened(.timeout, at: Self.second(5))
        #expect(counts.count(of: .timeout, at: Self.second(100)) == 0)
        #expect(counts.count(of: .timeout, at: Self.second(5)) == 1)
    }

    @Test(arguments: [0, 1, UInt64.max / 2, UInt64.max - 1, UInt64.max])
    func `extreme instants neither trap nor miscount`(nanoseconds: UInt64) {
        let now = MeshInstant(nanoseconds: nanoseconds)
        var statistics = CommandStatistics()
        statistics.callStarted(at: now)
        statistics.happened(.success, at: now)
        statistics.executed(for: .forever, at: now)
        statistics.callEnded(after: .zero, at: now)
        // Time that runs backwards counts in the newest bucket.
        statistics.happened(.success, at: MeshInstant(nanoseconds: 0))
        let metrics = statistics.metrics(name: "", group: "", isCircuitOpen: false, at: now)
        #expect(metrics.count(of: .success) == 2)
        #expect(metrics.execution.values.last == .forever)
        #expect(metrics.concurrency == 0)
        #expect(metrics.maximumConcurrency == 1)
    }

    @Test func `only the peer's answers make the error percentage, cut to a whole number`() {
        var statistics = CommandStatistics()
        let now = Self.second(3)
        for event: CommandEvent in [.success, .success, .failure, .shortCircuited, .semaphoreRejected, .cancelled] {
            statistics.happened(event, at: now)
        }
        var metrics = statistics.metrics(name: "", group: "", isCircuitOpen: false, at: now)
        #expect(metrics.requests == 3)
        #expect(metrics.errorPercentage == 33)
        statistics.happened(.timeout, at: now)
        metrics = statistics.metrics(name: "", group: "", isCircuitOpen: false, at: now)
        #expect(metrics.errorPercentage == 50)
    }

    @Test func `percentiles are interpolated between the latencies of the last minute`() {
        var latencies = RollingLatencies()
        for number in 1...5 { latencies.add(.milliseconds(UInt64(number * 10)), at: Self.second(100)) }
        let found = CommandMetrics.Latencies(sorted: latencies.sorted(at: Self.second(100)))
        #expect(found.mean == .milliseconds(30))
        let expected: [UInt64] = [10_000, 20_000, 30_000, 40_000, 46_000, 48_000, 49_600, 49_800, 50_000]
        #expect(found.values.map { $0.rawValue / 1_000 } == expected)
        #expect(latencies.sorted(at: Self.second(149)).count == 5)
        #expect(latencies.sorted(at: Self.second(160)).isEmpty)
    }

    @Test func `a bucket keeps the newest hundred latencies`() {
        var latencies = RollingLatencies()
        for number in 1...250 { latencies.add(Nanoseconds(rawValue: UInt64(number)), at: Self.second(100)) }
        #expect(latencies.sorted(at: Self.second(100)) == Array(151...250))
    }

    @Test func `a random walk agrees with a list of everything that happened`() {
        let random = MeshRandom(seed: 4)
        var counts = RollingCounts()
        var happened: [(second: UInt64, event: CommandEvent)] = []
        var now = Self.second(50)
        for step in 0..<100_000 {
            now = now.advanced(by: Nanoseconds(rawValue: random.below(step % 1_000 == 0 ? 20_000_000_000 : 300_000)))
            let event = CommandEvent.allCases[Int(random.below(UInt64(CommandEvent.allCases.count)))]
            counts.happened(event, at: now)
            let second = now.nanoseconds / 1_000_000_000
            happened.append((second, event))
            guard step % 500 == 0 else { continue }
            happened.removeAll { $0.second + 10 <= second }
            for event in CommandEvent.allCases {
                #expect(counts.count(of: event, at: now) == happened.count { $0.event == event })
            }
        }
    }

    @Test func `an event of the stream is what Hystrix' dashboard reads`() throws {
        var statistics = CommandStatistics()
        let now = Self.second(3)
        statistics.callStarted(at: now)
        statistics.happened(.success, at: now)
        statistics.happened(.timeout, at: now)
        statistics.executed(for: Nanoseconds(rawValue: 1_500_000), at: now)
        let metrics = statistics.metrics(name: "Get \"it\"\n", group: "ratings", isCircuitOpen: true, at: now)
        let properties = CommandMetrics.StreamProperties(
            minimumCalls: 20,
            openDuration: .seconds(5),
            failurePercentage: 50,
            isForcedOpen: false,
            isForcedClosed: false,
            isBreakerEnabled: true,
            timeout: .seconds(1),
            maximumConcurrency: 10,
            maximumFallbackConcurrency: 10
        )
        let event = metrics.hystrixStreamEvent(properties, wallClock: 1_700_000_000_123)
        #expect(
            event.hasPrefix(
                #"data: {"type":"HystrixCommand","name":"Get \"it\"\u000a","group":"ratings","currentTime":1700000000123,"#
                    + #""isCircuitBreakerOpen":true,"errorPercentage":50,"errorCount":1,"requestCount":2,"#
            )
        )
        #expect(event.hasSuffix(#""reportingHosts":1}"# + "\n\n"))
        for part in [
            #""rollingCountTimeout":1,"#, #""currentConcurrentExecutionCount":1,"#, #""latencyExecute_mean":2,"#,
            #""latencyExecute":{"0":2,"25":2,"50":2,"75":2,"90":2,"95":2,"99":2,"99.5":2,"100":2}"#,
            #""propertyValue_circuitBreakerSleepWindowInMilliseconds":5000,"#,
            #""propertyValue_metricsRollingStatisticalWindowInMilliseconds":10000,"#,
        ] {
            #expect(event.contains(part))
        }
    }
}
