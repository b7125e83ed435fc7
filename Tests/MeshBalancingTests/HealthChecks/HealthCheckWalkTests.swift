// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

/// Random rows of results, judged by another reading of Envoy's rules: one that looks at all of what has happened.
@Suite struct HealthCheckWalkTests {
    /// What the history says, without any state.
    private struct Oracle {
        var check: HealthCheck
        var history: [HealthProbeResult] = []
        var wasUnhealthy: [Bool] = []

        /// Whether the endpoint is unhealthy after the last result.
        mutating func append(_ result: HealthProbeResult, startsUnhealthy: Bool) -> Bool {
            let before = wasUnhealthy.last ?? startsUnhealthy
            history.append(result)
            let isUnhealthy: Bool
            if case .failed(let failure) = result {
                let isRow = row(ofFailures: true, from: before) == check.unhealthyThreshold
                isUnhealthy = before || failure.cause == .answer || isRow
            } else if before {
                let isFirst = history.count == 1
                isUnhealthy = !(isFirst || row(ofFailures: false, from: before) == check.healthyThreshold)
            } else {
                isUnhealthy = false
            }
            wasUnhealthy.append(isUnhealthy)
            return isUnhealthy
        }

        /// How many results of a kind there are at the end, all of them met in the present state.
        private func row(ofFailures isFailure: Bool, from state: Bool) -> UInt32 {
            var count: UInt32 = 0
            for position in history.indices.reversed() {
                var failed = false
                if case .failed = history[position] { failed = true }
                let stateBefore = position == 0 ? nil : wasUnhealthy[position - 1]
                guard failed == isFailure, stateBefore ?? state == state else { break }
                count += 1
            }
            return count
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the machine says what the history says`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        let ordered = HealthCheckStateMachineTests.results.sorted { $0.key < $1.key }.map(\.value)
        for _ in 0..<300 {
            let check = HealthCheck(
                .tcp(.init()),
                interval: .milliseconds(1 + random.below(10_000)),
                unhealthyThreshold: UInt32(random.below(5)),
                healthyThreshold: UInt32(random.below(5)),
                intervalJitter: .milliseconds(random.below(3) * 700),
                intervalJitterPercent: UInt32(random.below(3) * 40),
                unhealthyInterval: random.below(2) == 0 ? nil : .milliseconds(1 + random.below(10_000)),
                unhealthyEdgeInterval: random.below(2) == 0 ? nil : .milliseconds(1 + random.below(10_000)),
                healthyEdgeInterval: random.below(2) == 0 ? nil : .milliseconds(1 + random.below(10_000))
            )
            let startsUnhealthy = random.below(2) == 0
            var machine = HealthCheckStateMachine(check, health: startsUnhealthy ? .failed : [])
            var oracle = Oracle(check: check)
            var now = HealthCheckStateMachineTests.start
            for _ in 0..<50 {
                let result = ordered[Int(random.below(UInt64(ordered.count)))]
                let before = machine.health
                let hasTraffic = random.below(4) != 0
                let action = machine.probeEnded(result, at: now, hasTraffic: hasTraffic, random: { random.next() })
                #expect(machine.health.contains(.failed) == oracle.append(result, startsUnhealthy: startsUnhealthy))
                #expect(action.health == machine.health && action.previous == before)
                // Who waits for the threshold may be degraded without anybody seeing it.
                let isSeen =
                    HealthCheckStateMachineTests.letter(of: before)
                    != HealthCheckStateMachineTests.letter(of: machine.health)
                #expect((action.transition == .changed) == isSeen)
                #expect(action.transition != .none || before == machine.health)
                #expect(!machine.health.contains(.excluded) || machine.health.contains(.failed))
                let wait = action.next.elapsed(since: now)
                let longest =
                    [
                        check.interval, check.noTrafficInterval, check.unhealthyInterval ?? .zero,
                        check.unhealthyEdgeInterval ?? .zero, check.healthyEdgeInterval ?? .zero,
                    ].max() ?? .zero
                #expect(wait >= .milliseconds(1))
                #expect(wait.rawValue <= longest.rawValue * 18 / 10 + check.intervalJitter.rawValue)
                now = action.next
            }
        }
    }
}
