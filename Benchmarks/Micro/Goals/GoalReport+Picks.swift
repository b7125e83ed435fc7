// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

/// Goal L1 as far as no peer has a part in it.
extension GoalReport {
    /// Benchmarks, and the nanoseconds that one operation may take.
    private static let bounds: [(subject: String, names: [String], bound: Double)] = [
        ("two choices", ["pick/least-request-10", "pick/least-request-1000", "pick/least-request-10000"], 15),
        ("Maglev", ["pick/maglev-10", "pick/maglev-1000", "pick/maglev-10000"], 5),
        ("ring hash", ["pick/ring-hash-10", "pick/ring-hash-1000", "pick/ring-hash-10000"], 90),
        ("Maglev's table of 65537 made anew", ["rebuild/maglev-1000"], 3_000_000),
    ]

    func picks() async -> [Comparison] {
        var comparisons: [Comparison] = []
        for (subject, names, bound) in Self.bounds {
            for name in names {
                let own = OwnSamples(sampler, [name])
                await own.prepare()
                var samples: [Double] = []
                for _ in 0..<sampler.pairs { samples.append(await own.sample(name).cpu) }
                let count = name.split(separator: "-").last.map(String.init) ?? ""
                comparisons.append(
                    Comparison(goal: "L1", subject: "\(subject), \(count) endpoints, ns", bound: bound, pairs: samples)
                )
            }
        }
        return comparisons
    }

    /// What an endpoint takes, its live state and its part of a picker.
    func printEndpoints() {
        let count: UInt16 = 10_000
        let policies: [any LoadBalancingPolicy] = [RoundRobin(), RingHash(), Maglev()]
        // Nothing is given back before the last measurement.
        var kept: [any EndpointPicker] = []
        for policy in policies {
            guard let before = ResidentMemory.kibibytes else { return }
            let endpoints = (1...count).map { port in
                EndpointState(Endpoint(address: EndpointAddress(host: "10.0.0.1", port: port)))
            }
            kept.append(policy.makePicker(endpoints, random: MeshRandom(seed: 1)))
            let bytes = ((ResidentMemory.kibibytes ?? before) - before) * 1024 / Int(count)
            print("L1  resident memory of an endpoint, \(count) in a picker (\(policy.name)): \(bytes) B")
        }
        withExtendedLifetime(kept) {}
    }
}
