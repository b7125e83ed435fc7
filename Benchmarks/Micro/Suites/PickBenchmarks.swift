// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

func pickBenchmarks() -> [Benchmark] {
    let policies: [(String, any LoadBalancingPolicy)] = [
        ("round-robin", RoundRobin()), ("least-request", LeastRequest()),
    ]
    return policies.flatMap { name, policy in
        [UInt16(10), 1_000].map { count in
            let endpoints = (1...count).map { port in
                EndpointState(Endpoint(address: EndpointAddress(host: "10.0.0.1", port: port)))
            }
            let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 1))
            return Benchmark("pick/\(name)-\(count)") { iterations in
                let now = MeshInstant(nanoseconds: 1)
                for _ in 0..<iterations {
                    guard picker.pick(at: now, excluding: []) != nil else { fatalError("nothing was picked") }
                }
            }
        }
    }
}
