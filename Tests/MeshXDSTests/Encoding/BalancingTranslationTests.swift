// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Balancers for clients of other dialects")
struct BalancingTranslationTests {
    private func served(
        _ policy: some LoadBalancingPolicy,
        to dialect: Dialect = .grpc
    ) throws -> (message: Envoy_Config_Cluster_V3_Cluster, reports: [String]) {
        let cluster = Cluster(name: "c", loadBalancing: .init(policy))
        let output = ResourceEncoder(dialect: dialect).encode(MeshResources(clusters: [cluster]))
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
        let policies: [any LoadBalancingPolicy] = [
            Maglev(), RandomChoice(), LeastRequest(), Rendezvous(), PeakEWMA(),
            RandomSubsetting(subsetSize: 3, child: RoundRobin()), DeterministicAperture(peerIndex: 0, peerCount: 2),
        ]
        for policy in policies {
            let (message, reports) = try served(policy)
            #expect(message.lbPolicy == .roundRobin)
            #expect(!message.hasLoadBalancingPolicy)
            #expect(reports == ["clusters[c].lb_policy"])
        }
    }

    @Test func `slow start is not dropped without a word`() throws {
        let slowStart = SlowStart(window: .seconds(30))
        let (round, reports) = try served(RoundRobin(slowStart: slowStart))
        #expect(round.lbPolicy == .roundRobin && !round.hasLoadBalancingPolicy)
        #expect(reports == ["clusters[c].lb_policy"])
        #expect(try served(RoundRobin()).reports == [])
        #expect(try served(ClientSideWeightedRoundRobin(slowStart: slowStart)).reports == ["clusters[c].lb_policy"])
        let envoy = try served(RoundRobin(slowStart: slowStart), to: .envoy)
        #expect(envoy.reports == [])
        #expect(try policy(in: envoy.message).isA(Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin.self))
    }

    private func policy(in message: Envoy_Config_Cluster_V3_Cluster) throws -> Google_Protobuf_Any {
        try #require(message.loadBalancingPolicy.policies.first?.typedExtensionConfig.typedConfig)
    }

    @Test func `weighted round robin is theirs within localities, and older ones have round robin`() throws {
        typealias Weighted =
            Envoy_Extensions_LoadBalancingPolicies_ClientSideWeightedRoundRobin_V3_ClientSideWeightedRoundRobin
        let (message, reports) = try served(ClientSideWeightedRoundRobin(blackoutPeriod: .seconds(7)))
        #expect(reports == [])
        #expect(message.lbPolicy == .roundRobin)
        func inner(_ message: Envoy_Config_Cluster_V3_Cluster) throws -> Google_Protobuf_Any {
            let places = try Envoy_Extensions_LoadBalancingPolicies_WrrLocality_V3_WrrLocality(
                unpackingAny: try policy(in: message)
            )
            let policies = places.endpointPickingPolicy.policies
            return policies.first?.typedExtensionConfig.typedConfig ?? Google_Protobuf_Any()
        }
        let weighted = try Weighted(unpackingAny: try inner(message))
        #expect(weighted.blackoutPeriod.seconds == 7)
        // Envoy would take 0 for what is not said.
        #expect(weighted.hasErrorUtilizationPenalty && weighted.errorUtilizationPenalty.value == 1)
        let envoy = try served(ClientSideWeightedRoundRobin(slowStart: SlowStart(window: .seconds(1))), to: .envoy)
        #expect(envoy.reports == [])
        #expect(try Weighted(unpackingAny: try inner(envoy.message)).hasSlowStartConfig)
        #expect(!weighted.hasEnableOobLoadReport && !weighted.hasOobReportingPeriod)
        let reporting = try served(ClientSideWeightedRoundRobin(outOfBandReportingPeriod: .seconds(4)))
        let asking = try Weighted(unpackingAny: try inner(reporting.message))
        #expect(asking.enableOobLoadReport.value && asking.oobReportingPeriod.seconds == 4)
    }

    @Test func `pick first is gRPC's, and Envoy has nothing that takes it`() throws {
        let (message, reports) = try served(PickFirst(shufflesAddressList: true))
        #expect(reports == [])
        let first = try Envoy_Extensions_LoadBalancingPolicies_PickFirst_V3_PickFirst(
            unpackingAny: try policy(in: message)
        )
        #expect(first.shuffleAddressList)
        let envoy = try served(PickFirst(), to: .envoy)
        #expect(envoy.reports == ["clusters[c].lb_policy"])
        let replaced = try policy(in: envoy.message)
        #expect(replaced.isA(Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin.self))
    }

    @Test func `what xDS has no message for is round robin for Envoy, and reported`() throws {
        let policies: [any LoadBalancingPolicy] = [
            Rendezvous(), PeakEWMA(), RandomSubsetting(subsetSize: 3, child: RoundRobin()),
            DeterministicAperture(peerIndex: 0, peerCount: 2),
        ]
        for policy in policies {
            let (message, reports) = try served(policy, to: .envoy)
            #expect(reports == ["clusters[c].lb_policy"])
            let replaced = try self.policy(in: message)
            #expect(replaced.isA(Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin.self))
        }
        let known: [any LoadBalancingPolicy] = [LeastRequest(), RandomChoice(), RingHash(balanceFactor: 100), Maglev()]
        for policy in known { #expect(try served(policy, to: .envoy).reports == []) }
    }
}
