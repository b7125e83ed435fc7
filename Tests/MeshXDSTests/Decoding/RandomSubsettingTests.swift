// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Random subsetting by xDS")
struct RandomSubsettingTests {
    private typealias Message = Envoy_Extensions_LoadBalancingPolicies_RandomSubsetting_V3_RandomSubsetting

    private func decode(_ make: (inout Message) throws -> Void) throws -> Cluster.LoadBalancing {
        var message = Message()
        try make(&message)
        var cluster = Envoy_Config_Cluster_V3_Cluster()
        cluster.name = "c"
        cluster.type = .eds
        cluster.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        cluster.loadBalancingPolicy = Envoy_Config_Cluster_V3_LoadBalancingPolicy(
            name: "random_subsetting",
            try Google_Protobuf_Any(packing: message)
        )
        let decoded = try ResourceDecoder().decode(try cluster.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return cluster.loadBalancing
    }

    private func setRoundRobin(_ message: inout Message) throws {
        message.childPolicy = Envoy_Config_Cluster_V3_LoadBalancingPolicy(
            name: "round_robin",
            try Google_Protobuf_Any(packing: Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin())
        )
    }

    private func refusal(_ make: (inout Message) throws -> Void) -> String? {
        do {
            _ = try decode(make)
            return nil
        } catch let error as ConfigurationError {
            return error.problems.first.map { String($0.path.split(separator: ".").last ?? "") }
        } catch {
            return "\(error)"
        }
    }

    @Test func `has a size and a policy within`() throws {
        let balancing = try decode { message in
            message.subsetSize = Google_Protobuf_UInt32Value(20)
            try setRoundRobin(&message)
        }
        #expect(balancing == .init(RandomSubsetting(subsetSize: 20, child: RoundRobin())))
    }

    @Test func `is refused without either`() {
        #expect(refusal { try setRoundRobin(&$0) } == "subset_size")
        #expect(
            refusal { message in
                message.subsetSize = Google_Protobuf_UInt32Value(0)
                try setRoundRobin(&message)
            } == "subset_size"
        )
        #expect(refusal { $0.subsetSize = Google_Protobuf_UInt32Value(1) } == "child_policy")
    }

    @Test func `comes back as it went, with another one within, and others get round robin`() throws {
        let policy = RandomSubsetting(subsetSize: 7, child: RandomSubsetting(subsetSize: 3, child: PeakEWMA()))
        let resources = MeshResources(clusters: [Cluster(name: "c", loadBalancing: .init(policy))])
        let output = ResourceEncoder(dialect: .own).encode(resources)
        let packed = try #require(output.resources[.cluster]?["c"])
        guard case .cluster(let cluster) = try ResourceDecoder().decode(packed.bytes, as: .cluster).resource else {
            Issue.record("no cluster")
            return
        }
        #expect(cluster.loadBalancing == .init(policy))
        for dialect in [Dialect.grpc, .envoy] {
            let output = ResourceEncoder(dialect: dialect).encode(resources)
            #expect(output.reports.count == 1)
            let packed = try #require(output.resources[.cluster]?["c"])
            guard case .cluster(let cluster) = try ResourceDecoder().decode(packed.bytes, as: .cluster).resource else {
                Issue.record("no cluster")
                return
            }
            #expect(cluster.loadBalancing == .init(RoundRobin()))
        }
    }
}
