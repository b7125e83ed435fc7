// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite struct SlowStartTests {
    // Envoy's `EdfLoadBalancerBase::applySlowStartFactor`: max(least, (max(1 ms, elapsed) / window)^(1 / aggression)).
    @Test(
        arguments: [
            (0, 1, 10, 0.1), (6, 1, 10, 0.1), (12, 1, 10, 0.2), (30, 1, 10, 0.5), (60, 1, 10, 1), (90, 1, 10, 1),
            (15, 2, 10, 0.5), (30, 0.5, 10, 0.25), (30, 3, 10, 0.793_700_526), (0, 1, 0, 1.0 / 60_000),
            (0, 1, 100, 1),
        ] as [(UInt64, Double, Double, Double)]
    )
    func `a weight grows as Envoy's does`(seconds: UInt64, aggression: Double, least: Double, expected: Double) {
        let settings = SlowStart(window: .seconds(60), aggression: aggression, minimumWeightPercent: least)
        #expect(abs(settings.factor(after: .seconds(seconds)) - expected) < 1e-6)
    }

    private func endpoints(_ ages: [UInt64], at now: MeshInstant) -> [EndpointState] {
        ages.enumerated().map { number, age in
            EndpointState(
                Endpoint(address: EndpointAddress(host: "e", port: UInt16(number + 1))),
                joinedAt: MeshInstant(nanoseconds: now.nanoseconds - age * 1_000_000_000)
            )
        }
    }

    private func shares(_ policy: some LoadBalancingPolicy, _ ages: [UInt64]) -> [Double] {
        let now = MeshInstant(nanoseconds: 1_000_000_000_000)
        let endpoints = endpoints(ages, at: now)
        let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 1))
        var counts = ages.map { _ in 0.0 }
        for _ in 0..<10_000 {
            let picked = picker.pick(for: PickRequest(at: now))
            if let number = endpoints.firstIndex(where: { $0 === picked }) { counts[number] += 1 }
        }
        return counts.map { $0 / 10_000 }
    }

    @Test func `a new endpoint gets its part of the turns`() {
        let settings = SlowStart(window: .seconds(60))
        for (ages, expected) in [
            ([100, 100], [0.5, 0.5]), ([100, 30], [2.0 / 3, 1.0 / 3]), ([100, 0], [1 / 1.1, 0.1 / 1.1]),
            ([0, 0], [0.5, 0.5]),
        ] as [([UInt64], [Double])] {
            for found in [
                shares(RoundRobin(slowStart: settings), ages), shares(LeastRequest(slowStart: settings), ages),
            ] {
                for (share, wanted) in zip(found, expected) {
                    #expect(abs(share - wanted) < 0.001, "\(ages): \(found)")
                }
            }
        }
    }

    @Test func `bounds are named`() {
        let broken = SlowStart(window: .zero, aggression: 0, minimumWeightPercent: 101)
        let paths = ["slowStart.window", "slowStart.aggression", "slowStart.minimumWeightPercent"]
        let first = #expect(throws: ConfigurationError.self) { try RoundRobin(slowStart: broken).validate() }
        let second = #expect(throws: ConfigurationError.self) { try LeastRequest(slowStart: broken).validate() }
        #expect(first?.problems.map(\.path) == paths && second?.problems.map(\.path) == paths)
        let nothing = SlowStart(window: .seconds(1), aggression: .nan, minimumWeightPercent: .nan)
        #expect(throws: ConfigurationError.self) { try RoundRobin(slowStart: nothing).validate() }
    }
}
