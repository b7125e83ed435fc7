// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Balancers for gRPC clients")
struct BalancingTranslationTests {
    private func served(
        _ policy: some LoadBalancingPolicy
    ) throws -> (message: Envoy_Config_Cluster_V3_Cluster, reports: [String]) {
        let cluster = Cluster(name: "c", loadBalancing: .init(policy))
        let output = ResourceEncoder(dialect: .grpc).encode(MeshResources(clusters: [cluster]))
        let packed = try #require(output.resources[.cluster]?["c"])
        return (try Envoy_Config_Cluster_V3_Cluster(serializedBytes: packed.bytes), output.reports.map(\.path))
    }

    @Test func `a ring is theirs, as far as they know it`() throws {
        let (plain, reports) = try served(RingHash(minimumSize: 7, maximumSize: 4_096))
        #expect(plain.lbPolicy == .ringHash)
        #expect(plain.ringHashLbConfig.minimumRingSize.value == 7)
        #expect(plain.ringHashLbConfig.maximumRingSize.value == 4_096)
        #expect(reports == [])
        let (other, differences) = try served(RingHash(function: .murmurHash2, key: .hostname, balanceFactor: 100))
        #expect(other.lbPolicy == .ringHash)
        #expect(other.ringHashLbConfig.hashFunction == .xxHash)
        #expect(differences == Array(repeating: "clusters[c].lb_policy", count: 3))
    }

    @Test func `what they refuse is round robin, and reported`() throws {
        for policy in [Cluster.LoadBalancing(Maglev()), .init(RandomChoice()), .init(LeastRequest())] {
            let (message, reports) = try served(any: policy.policy)
            #expect(message.lbPolicy == .roundRobin)
            #expect(reports == ["clusters[c].lb_policy"])
        }
    }

    private func served(
        any policy: any LoadBalancingPolicy
    ) throws -> (message: Envoy_Config_Cluster_V3_Cluster, reports: [String]) {
        try served(policy)
    }
}
