// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("What is counted of the attempts at a place")
struct LocalityLoadStatisticsTests {
    private let statistics = LocalityLoadStatistics(Locality(zone: "a"))

    @Test func `each attempt is told once when it begins and once when it ends`() {
        for _ in 0..<5 { statistics.attemptBegan() }
        statistics.attemptEnded(.success)
        statistics.attemptEnded(.failure)
        let first = statistics.take()
        #expect(first.issued == 5)
        #expect(first.succeeded == 1)
        #expect(first.failed == 1)
        #expect(first.inProgress == 3)
        statistics.attemptEnded(.success)
        let second = statistics.take()
        #expect(second.issued == 0)
        #expect(second.succeeded == 1)
        #expect(second.failed == 0)
        #expect(second.inProgress == 2)
    }

    @Test func `an attempt that its caller gave up is neither a success nor a failure, and not under way`() {
        statistics.attemptBegan()
        statistics.attemptEnded(.ignored)
        let place = statistics.take()
        #expect(place == .init(locality: Locality(zone: "a"), issued: 1))
        #expect(statistics.take().isEmpty)
    }

    @Test func `what could not be told is told with the next`() {
        statistics.attemptBegan()
        statistics.attemptBegan()
        statistics.attemptEnded(.success)
        statistics.reported(LoadReport(namedMetrics: ["q": 2]), selecting: LoadMetricSelection(["named_metrics.q"]))
        let lost = statistics.take()
        statistics.attemptBegan()
        statistics.reported(LoadReport(namedMetrics: ["q": 3]), selecting: LoadMetricSelection(["named_metrics.q"]))
        statistics.restore(lost)
        let place = statistics.take()
        #expect(place.issued == 3)
        #expect(place.succeeded == 1)
        #expect(place.inProgress == 2)
        #expect(place.metrics == ["named_metrics.q": LoadMetricSum(count: 2, total: 5)])
    }

    @Test func `metrics are summed up under the names of xDS, and only those that are asked for`() {
        let report = LoadReport(
            cpuUtilization: 0.5,
            memoryUtilization: 0.25,
            utilization: ["disk": 0.75],
            namedMetrics: ["q": 4, "r": 0]
        )
        statistics.reported(report, selecting: LoadMetricSelection(["cpu_utilization", "eps", "named_metrics.*"]))
        statistics.reported(report, selecting: LoadMetricSelection(["cpu_utilization", "utilization.disk"]))
        #expect(
            statistics.take().metrics == [
                "cpu_utilization": LoadMetricSum(count: 2, total: 1),
                "named_metrics.q": LoadMetricSum(count: 1, total: 4),
                "named_metrics.r": LoadMetricSum(count: 1, total: 0),
                "utilization.disk": LoadMetricSum(count: 1, total: 0.75),
            ]
        )
        #expect(statistics.take().metrics.isEmpty)
    }

    @Test func `a name for a whole map and one in it count once`() {
        let selection = LoadMetricSelection(["named_metrics.*", "named_metrics.q"])
        statistics.reported(LoadReport(namedMetrics: ["q": 4]), selecting: selection)
        #expect(statistics.take().metrics == ["named_metrics.q": LoadMetricSum(count: 1, total: 4)])
    }

    @Test func `metrics whose names endpoints choose are bounded`() {
        for number in 0..<1_000 {
            let report = LoadReport(namedMetrics: ["m\(number)": 1])
            statistics.reported(report, selecting: LoadMetricSelection(["named_metrics.*"]))
        }
        #expect(statistics.take().metrics.count == LocalityLoadStatistics.maximumMetrics)
    }

    @Test func `nothing is lost or told twice while many threads count and others read`() async {
        let (tasks, attempts) = (8, 5_000)
        let statistics = statistics
        let told = await withTaskGroup(of: [LoadStatisticsReport.Place].self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var places: [LoadStatisticsReport.Place] = []
                    for attempt in 0..<attempts {
                        statistics.attemptBegan()
                        statistics.attemptEnded(attempt % 3 == 0 ? .failure : .success)
                        if attempt % 100 == task {
                            let place = statistics.take()
                            // Half of what is read cannot be told.
                            if attempt % 200 == task { statistics.restore(place) } else { places.append(place) }
                        }
                    }
                    return places
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        let all = told + [statistics.take()]
        #expect(all.reduce(0) { $0 &+ $1.issued } == UInt64(tasks * attempts))
        #expect(all.reduce(0) { $0 &+ $1.succeeded &+ $1.failed } == UInt64(tasks * attempts))
        #expect(all.last?.inProgress == 0)
    }
}

@Suite("Which metrics of load reports may be selected")
struct LoadMetricSelectionTests {
    @Test(arguments: [
        "cpu_utilization", "mem_utilization", "application_utilization", "rps_fractional", "eps", "named_metrics.*",
        "named_metrics.queue", "utilization.disk",
    ])
    func `those that a report may have`(name: String) throws {
        #expect(LoadMetricSelection.isMetric(name))
        try LoadMetricSelection([name]).validate()
    }

    @Test(arguments: [
        "", "cpu", "named_metrics.", "named_metrics", "*", "named_metrics." + String(repeating: "x", count: 250),
    ])
    func `others are refused by name`(name: String) {
        let error = #expect(throws: ConfigurationError.self) { try LoadMetricSelection([name]).validate() }
        #expect(error?.problems.map(\.path) == ["names[\(name)]"])
    }

    @Test func `more than 100 are too many`() {
        let names = Set((0...100).map { "named_metrics.m\($0)" })
        let error = #expect(throws: ConfigurationError.self) { try LoadMetricSelection(names).validate() }
        #expect(error?.problems.map(\.message) == ["must be at most 100, are 101"])
    }
}
