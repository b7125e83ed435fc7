// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

func pickBenchmarks() -> [Benchmark] {
    let policies: [(String, any LoadBalancingPolicy)] = [
        ("round-robin", RoundRobin()), ("least-request", LeastRequest()), ("random", RandomChoice()),
        ("ring-hash", RingHash()), ("maglev", Maglev()),
    ]
    return policies.flatMap { name, policy in
        [UInt16(10), 1_000, 10_000].map { count in
            let endpoints = (1...count).map { port in
                EndpointState(Endpoint(address: EndpointAddress(host: "10.0.0.1", port: port)))
            }
            let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 1))
            return Benchmark("pick/\(name)-\(count)") { iterations in
                var request = PickRequest(at: MeshInstant(nanoseconds: 1), hash: 1)
                for _ in 0..<iterations {
                    // Hashes spread as those of requests are, without what these cost.
                    request.hash = request.hash.map { $0 &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
                    guard picker.pick(for: request) != nil else { fatalError("nothing was picked") }
                }
            }
        }
    }
}
