// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

/// What it costs to make anew what is picked from, when the health of one endpoint has changed.
func rebuildBenchmarks() -> [Benchmark] {
    let policies: [(String, any LoadBalancingPolicy, UInt16)] = [
        ("round-robin", RoundRobin(), 10_000), ("least-request", LeastRequest(), 10_000),
        ("ring-hash", RingHash(), 1_000), ("maglev", Maglev(), 1_000), ("maglev", Maglev(), 10_000),
    ]
    return policies.map { name, policy, count in
        Benchmark("rebuild/\(name)-\(count)", preparing: { rebuilding(by: policy, count) })
    }
}

private func rebuilding(by policy: any LoadBalancingPolicy, _ count: UInt16) -> Benchmark.Body {
    let signal = ClusterSignal()
    let endpoints = (1...count).map { port in
        EndpointState(Endpoint(address: EndpointAddress(host: "10.0.0.1", port: port)), signal: signal)
    }
    let now = MeshInstant(nanoseconds: 1)
    let picker = PriorityPicker(
        [PriorityGroup([.init(endpoints: endpoints)])],
        policy: policy,
        settings: BalancingSettings(),
        signal: signal,
        random: MeshRandom(seed: 1),
        at: now
    )
    return { iterations in
        let request = PickRequest(at: now, hash: 1)
        for iteration in 0..<iterations {
            endpoints[0].eject(until: iteration.isMultiple(of: 2) ? MeshInstant(nanoseconds: .max) : nil)
            guard picker.pick(for: request) != nil else { fatalError("nothing was picked") }
        }
    }
}
