// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Whose rules hold for the clusters of a control plane")
struct XDSRulesTests {
    /// A cluster that says what the two read in different ways.
    private static func cluster(timeout: Int64 = 5) throws -> PackedResource {
        try Fixtures.packed(
            Envoy_Config_Cluster_V3_Cluster.with { message in
                message.name = "c"
                message.type = .eds
                message.connectTimeout = .init(seconds: timeout)
                message.edsClusterConfig.edsConfig.ads = .init()
                message.commonLbConfig.zoneAwareLbConfig.minClusterSize = 4
                message.outlierDetection.consecutive5Xx = 3
                message.outlierDetection.successRateRequestVolume = 20
                message.outlierDetection.alwaysEjectOneHost = true
            }
        )
    }

    private static func served(by rules: XDSRules) throws -> (session: ScriptedSession, first: MeshResources?) {
        var session = ScriptedSession.connected(rules: rules)
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, Fixtures.mesh)
        _ = session.respond(.cluster, [try cluster()])
        let first = session.respond(.endpointAssignment, Fixtures.mesh).publication
        return (session, first)
    }

    @Test func `Envoy's hold unless others are asked for`() throws {
        let resources = try #require(try Self.served(by: .envoy).first)
        let cluster = try #require(resources.clusters["c"])
        #expect(ResourceDecoder().rules == .envoy)
        #expect(cluster.priorities == .spill && cluster.outlierDetection?.mode == .envoy)
        #expect(cluster.localities == .zoneAware(ZoneAware(minimumClusterSize: 4)))
        #expect(resources.ignored == [])
    }

    @Test func `gRPC's fail over at once, judge by rates, and heed the weights of localities`() throws {
        let cluster = try #require(try Self.served(by: .grpc).first?.clusters["c"])
        #expect(cluster.priorities == .failover(timer: .seconds(10)))
        #expect(cluster.outlierDetection?.mode == .grpc)
        #expect(cluster.outlierDetection?.successRate?.requestVolume == 20)
        #expect(cluster.localities == .weighted)
    }

    @Test func `what has no effect by gRPC's rules is reported`() throws {
        let resources = try #require(try Self.served(by: .grpc).first)
        #expect(
            Set(resources.ignored.map(\.path)) == [
                "common_lb_config.zone_aware_lb_config",
                "outlier_detection.consecutive_5xx",
                "outlier_detection.always_eject_one_host",
            ]
        )
    }

    @Test func `zones that a policy asks for are reported by their path`() throws {
        var policy = Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin()
        policy.localityLbConfig.zoneAwareLbConfig.minClusterSize = 4
        let message = try Envoy_Config_Cluster_V3_Cluster.with { message in
            message.name = "c"
            message.type = .eds
            message.edsClusterConfig.edsConfig.ads = .init()
            var listed = Envoy_Config_Cluster_V3_LoadBalancingPolicy.Policy()
            listed.typedExtensionConfig.typedConfig = try Google_Protobuf_Any(packing: policy)
            message.loadBalancingPolicy.policies = [listed]
        }
        let decoded = try ResourceDecoder(rules: .grpc).decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        #expect(cluster.localities == .weighted)
        #expect(decoded.ignored.map(\.path).contains { $0.hasSuffix("locality_lb_config.zone_aware_lb_config") })
        #expect(decoded.ignored.count == 1)
    }

    @Test(arguments: XDSRules.allCases)
    func `the same cluster again is no new configuration`(rules: XDSRules) throws {
        var (session, first) = try Self.served(by: rules)
        #expect(first != nil)
        #expect(session.respond(.cluster, [try Self.cluster()], version: "2").publication == nil)
        // Bytes that differ and mean the same are decoded again, and still nothing has changed.
        var wrapped = Envoy_Service_Discovery_V3_Resource()
        wrapped.name = "c"
        wrapped.resource = Google_Protobuf_Any(typeName: ResourceKind.cluster.rawValue, bytes: try Self.cluster().bytes)
        #expect(session.respond(.cluster, [try Fixtures.packed(wrapped)], version: "3").publication == nil)
        let changed = session.respond(.cluster, [try Self.cluster(timeout: 6)], version: "4").publication
        #expect(changed?.clusters["c"]?.connectTimeout == .seconds(6))
        #expect(changed?.clusters["c"]?.priorities == first?.clusters["c"]?.priorities)
    }
}
