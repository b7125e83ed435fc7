// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Whose rules hold for the resources of a control plane")
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

    private static func retries(by rules: XDSRules) throws -> (policy: RetryPolicy, ignored: [String]) {
        let message = Envoy_Config_Route_V3_RouteConfiguration.with { message in
            message.name = "r"
            var host = Envoy_Config_Route_V3_VirtualHost()
            host.name = "h"
            host.domains = ["*"]
            var route = Envoy_Config_Route_V3_Route()
            route.match.prefix = "/"
            route.route.cluster = "c"
            route.route.retryPolicy.retryOn = "unavailable,5xx"
            route.route.retryPolicy.numRetries = Google_Protobuf_UInt32Value(8)
            host.routes = [route]
            message.virtualHosts = [host]
        }
        let decoded = try ResourceDecoder(rules: rules).decode(
            try message.serializedBytes(),
            as: .routeConfiguration
        )
        guard case .routeConfiguration(let table) = decoded.resource,
            case .forward(let forward)? = table.virtualHosts.first?.routes.first?.action,
            let policy = forward.retry
        else { throw CancellationError() }
        return (policy, decoded.ignored.map(\.path))
    }

    @Test func `A44: by gRPC's, statuses alone decide on retries, five attempts at most`() throws {
        let grpc = try Self.retries(by: .grpc)
        #expect(grpc.policy.conditions == .grpcUnavailable && grpc.policy.replay == .always)
        #expect(grpc.policy.effectiveAttempts == 5)
        #expect(grpc.policy.backoff == .grpc(initial: .milliseconds(25), maximum: .milliseconds(250), multiplier: 2))
        #expect(grpc.ignored == ["virtual_hosts[0].routes[0].route.retry_policy.retry_on"])
        let envoy = try Self.retries(by: .envoy)
        #expect(envoy.policy.conditions == [.grpcUnavailable, .serverError] && envoy.policy.replay == .harmless)
        #expect(envoy.policy.effectiveAttempts == 9 && envoy.ignored == [])
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
