// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

@Suite struct WeightedClustersRequestTests {
    static func split(_ choice: WeightedClusters.Choice) throws -> WeightedClusters {
        try WeightedClusters(
            [WeightedCluster("a", weight: 1), WeightedCluster("b", weight: 3)],
            choice: choice
        )
    }

    /// `(values of the header, position)`; the random number 0 alone gives position 0.
    static let headers: [([String], Int)] = [
        ([], 0), (["1"], 1), (["4"], 0), (["18446744073709551615"], 1), (["18446744073709551616"], 0), (["x"], 0),
        ([""], 0),
        (["1", "1"], 0), (["-1"], 0), (["1.0"], 0), ([" 1 "], 1), (["+1"], 1), (["01"], 1),
    ]

    @Test(arguments: headers)
    func `one number in the header chooses, all else leaves it to chance`(values: [String], position: Int) throws {
        let request = InMemoryRequest(headers: values.map { ("x-n", $0) })
        #expect(try Self.split(.header("x-n")).position(for: request, random: 0, hash: nil) == position)
    }

    @Test func `a hash chooses where there is one`() throws {
        let split = try Self.split(.hash)
        #expect(split.position(for: InMemoryRequest(), random: 0, hash: 2) == 1)
        #expect(split.position(for: InMemoryRequest(), random: 1, hash: nil) == 1)
    }

    @Test func `nobody makes a hash that decides nothing`() throws {
        func fail() -> UInt64? {
            Issue.record("the hash was made")
            return nil
        }
        #expect(try Self.split(.random).position(for: InMemoryRequest(), random: 1, hash: fail()) == 1)
        #expect(WeightedClusters(single: "x").position(for: InMemoryRequest(), random: 1, hash: fail()) == 0)
    }

    @Test func `a header names the cluster by its first value`() throws {
        let split = try WeightedClusters([WeightedCluster("", clusterHeader: "x-c"), WeightedCluster("b")])
        let request = InMemoryRequest(headers: [("x-c", "one"), ("x-c", "two"), ("e", "")])
        #expect(split.clusterName(at: 0, for: request) == "one")
        #expect(split.clusterName(at: 1, for: request) == "b")
        #expect(split.clusterName(at: 0, for: InMemoryRequest()) == nil)
        #expect(ClusterSpecifier.clusterName(in: "e", of: request) == nil)
        #expect(ClusterSpecifier.clusterName(in: ":authority", of: request) == "reviews")
    }
}
