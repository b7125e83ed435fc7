// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What a command remembers about its calls.
struct CommandStatistics: Sendable {
    private var counts = RollingCounts()
    private var execution = RollingLatencies()
    private var total = RollingLatencies()
    private(set) var underWay = 0

    mutating func callStarted(at now: MeshInstant) {
        underWay += 1
        counts.underWay(underWay, at: now)
    }

    mutating func happened(_ event: CommandEvent, at now: MeshInstant) {
        counts.happened(event, at: now)
    }

    mutating func executed(for latency: Nanoseconds, at now: MeshInstant) {
        execution.add(latency, at: now)
    }

    mutating func callEnded(after latency: Nanoseconds, at now: MeshInstant) {
        underWay -= 1
        total.add(latency, at: now)
    }

    func metrics(name: String, group: String, isCircuitOpen: Bool, at now: MeshInstant) -> CommandMetrics {
        CommandMetrics(
            name: name,
            group: group,
            takenAt: now,
            isCircuitOpen: isCircuitOpen,
            concurrency: underWay,
            maximumConcurrency: counts.mostUnderWay(at: now),
            execution: CommandMetrics.Latencies(sorted: execution.sorted(at: now)),
            total: CommandMetrics.Latencies(sorted: total.sorted(at: now)),
            counts: CommandEvent.allCases.map { counts.count(of: $0, at: now) }
        )
    }
}
