// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import Testing

@Suite struct WeightedClustersTests {
    @Test func `traffic is split by weight`() throws {
        let clusters = try WeightedClusters([
            WeightedCluster("v1", weight: 75), WeightedCluster("v0", weight: 0), WeightedCluster("v2", weight: 25),
        ])
        let random = MeshRandom(seed: 42)
        var counts: [String: Int] = [:]
        for _ in 0..<100_000 { counts[clusters.cluster(for: random.next()), default: 0] += 1 }
        #expect((74_000...76_000).contains(counts["v1"] ?? 0))
        #expect((24_000...26_000).contains(counts["v2"] ?? 0))
        #expect(counts["v0"] == nil)
    }

    static let draws: [(UInt64, String)] = [
        (0, "a"), (1, "b"), (2, "b"), (3, "b"), (4, "a"), (.max, "b"),
    ]

    @Test(arguments: draws)
    func `a number falls into the share that its remainder lies in`(random: UInt64, expected: String) throws {
        let clusters = try WeightedClusters([WeightedCluster("a", weight: 1), WeightedCluster("b", weight: 3)])
        #expect(clusters.cluster(for: random) == expected)
    }

    @Test func `weights at their bound are drawn without overflow`() throws {
        let clusters = try WeightedClusters([
            WeightedCluster("a", weight: .max - 1), WeightedCluster("b", weight: 1),
        ])
        #expect(clusters.cluster(for: UInt64(UInt32.max) - 1) == "b")
        #expect(clusters.cluster(for: UInt64(UInt32.max) - 2) == "a")
        #expect(WeightedClusters(single: "x").cluster(for: .max) == "x")
    }

    static let broken: [[WeightedCluster]] = [
        [], [WeightedCluster("a", weight: 0)], [WeightedCluster("")],
        [WeightedCluster("a", weight: .max), WeightedCluster("b", weight: 1)],
    ]

    @Test(arguments: broken)
    func `no clusters, no weight, no name or too much weight is refused`(shares: [WeightedCluster]) {
        #expect(throws: ConfigurationError.self) { try WeightedClusters(shares) }
    }
}
