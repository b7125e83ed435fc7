// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

/// Four endpoints in virtual time, one of which can do half of what each of the others can. Each answer reports what
/// its endpoint served in the last second, and which part of its capacity that was.
@Suite struct HalfCapacityTests {
    private struct Server {
        let capacity: Double
        private var served: [UInt64] = []

        init(capacity: Double) { self.capacity = capacity }

        mutating func serve(at now: UInt64) -> LoadReport {
            served.append(now)
            served.removeAll { $0 + 1_000_000_000 <= now }
            let rate = Double(served.count)
            return LoadReport(cpuUtilization: rate / capacity, requestsPerSecond: rate)
        }
    }

    private func shares(_ policy: some LoadBalancingPolicy) -> [Double] {
        let endpoints = (1...4).map { EndpointState(Endpoint(address: EndpointAddress(host: "e", port: $0))) }
        var servers = [400, 400, 400, 200].map { Server(capacity: $0) }
        let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 1))
        var counts = [0, 0, 0, 0]
        // 500 requests a second for 30 seconds, of which the last 15 are looked at.
        for number in 0..<15_000 as Range<UInt64> {
            let now = MeshInstant(nanoseconds: 1_000_000_000 + number * 2_000_000)
            guard let picked = picker.pick(for: PickRequest(at: now)),
                let position = endpoints.firstIndex(where: { $0 === picked })
            else { continue }
            policy.reported(servers[position].serve(at: now.nanoseconds), by: picked, at: now)
            if number >= 7_500 { counts[position] += 1 }
        }
        return counts.map { Double($0) / 7_500 }
    }

    @Test func `with load reports the weaker one has half of what each other one has`() {
        let found = shares(ClientSideWeightedRoundRobin())
        for (share, expected) in zip(found, [2.0 / 7, 2.0 / 7, 2.0 / 7, 1.0 / 7]) {
            #expect(abs(share - expected) < 0.005)
        }
        for share in shares(RoundRobin()) { #expect(abs(share - 0.25) < 0.001) }
    }
}
