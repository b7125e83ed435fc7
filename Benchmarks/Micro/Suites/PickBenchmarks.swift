// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

func pickBenchmarks() -> [Benchmark] {
    let policies: [(String, any LoadBalancingPolicy)] = [
        ("round-robin", RoundRobin()), ("least-request", LeastRequest()), ("random", RandomChoice()),
        ("ring-hash", RingHash()), ("maglev", Maglev()), ("peak-ewma", PeakEWMA()),
        ("client-side-wrr", ClientSideWeightedRoundRobin(blackoutPeriod: .zero)),
        ("pick-first", PickFirst(shufflesAddressList: true)),
        ("random-subsetting", RandomSubsetting(subsetSize: 20, child: LeastRequest())),
        ("deterministic-aperture", DeterministicAperture(peerIndex: 3, peerCount: 7)),
    ]
    // Prepared by whoever measures it: tables of ten thousand endpoints take their time.
    return policies.flatMap { name, policy in
        [UInt16(10), 1_000, 10_000].map { count in
            Benchmark("pick/\(name)-\(count)", preparing: { picking(by: policy, count) })
        }
    }
}

private func picking(by policy: any LoadBalancingPolicy, _ count: UInt16) -> Benchmark.Body {
    let endpoints = (1...count).map { port in
        EndpointState(Endpoint(address: EndpointAddress(host: "10.0.0.1", port: port)))
    }
    // Of three sizes, for those who want to know.
    for (number, endpoint) in endpoints.enumerated() {
        let report = LoadReport(cpuUtilization: 0.5, requestsPerSecond: Double(100 + 100 * (number % 3)))
        policy.reported(report, by: endpoint, at: MeshInstant(nanoseconds: 1))
    }
    let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 1))
    return { iterations in
        var request = PickRequest(at: MeshInstant(nanoseconds: 1), hash: 1)
        for _ in 0..<iterations {
            // Hashes spread as those of requests are, without what these cost.
            request.hash = request.hash.map { $0 &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
            guard picker.pick(for: request) != nil else { fatalError("nothing was picked") }
        }
    }
}
