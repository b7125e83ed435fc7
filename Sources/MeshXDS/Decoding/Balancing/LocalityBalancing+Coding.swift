// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// What a load-balancing policy says besides about its cluster's endpoints: how their localities share the traffic, and
/// which groups there are. Where it says nothing, weights of localities count (gRFC A27; Envoy wants to be told).
struct EndpointStructure {
    var localities: LocalityBalancing?
    var subsets: SubsetBalancing?
    /// Where requests may name their endpoints.
    var overrideHostHeaders: [HeaderName] = []
}

extension DecodingContext {
    private static let readLocalities = ReadFields(
        Envoy_Extensions_LoadBalancingPolicies_Common_V3_LocalityLbConfig.ZoneAwareLbConfig.self,
        "routing_enabled",
        "min_cluster_size",
        "fail_traffic_on_panic",
        "force_local_zone",
        "locality_basis"
    )
    private static let readOlderZones = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.CommonLbConfig.ZoneAwareLbConfig.self,
        "routing_enabled",
        "min_cluster_size",
        "fail_traffic_on_panic"
    )

    /// Reads how localities share the traffic.
    mutating func readLocalities(
        _ message: Envoy_Extensions_LoadBalancingPolicies_Common_V3_LocalityLbConfig,
        at path: FieldPath
    ) {
        switch message.localityConfigSpecifier {
        case .localityWeightedLbConfig: structure.localities = .weighted
        case .zoneAwareLbConfig(let message):
            let path = path["zone_aware_lb_config"]
            guard heedsZones(at: path) else { return }
            ignoreOthers(in: message, at: path, read: Self.readLocalities)
            var zones = ZoneAware(failsTrafficOnPanic: message.failTrafficOnPanic)
            if message.hasRoutingEnabled {
                zones.enabledPercent = percent(message.routingEnabled, at: path["routing_enabled"])
            }
            if message.hasMinClusterSize { zones.minimumClusterSize = message.minClusterSize.value }
            if message.hasForceLocalZone {
                let force = message.forceLocalZone
                // Envoy has no bound; a zone without endpoints cannot have all requests.
                zones.forcedLocalZoneSize = force.hasMinSize ? max(1, force.minSize.value) : 1
            }
            if message.localityBasis == .healthyHostsWeight { zones.basis = .weights }
            structure.localities = .zoneAware(zones)
        case nil: break
        }
    }

    /// Reads the older form of the same.
    mutating func readLocalities(_ message: Envoy_Config_Cluster_V3_Cluster.CommonLbConfig, at path: FieldPath) {
        switch message.localityConfigSpecifier {
        case .localityWeightedLbConfig: structure.localities = .weighted
        case .zoneAwareLbConfig(let message):
            let path = path["zone_aware_lb_config"]
            guard heedsZones(at: path) else { return }
            ignoreOthers(in: message, at: path, read: Self.readOlderZones)
            var zones = ZoneAware(failsTrafficOnPanic: message.failTrafficOnPanic)
            if message.hasRoutingEnabled {
                zones.enabledPercent = percent(message.routingEnabled, at: path["routing_enabled"])
            }
            if message.hasMinClusterSize { zones.minimumClusterSize = message.minClusterSize.value }
            structure.localities = .zoneAware(zones)
        case nil: break
        }
    }

    private mutating func percent(_ message: Envoy_Type_V3_Percent, at path: FieldPath) -> UInt32 {
        guard message.value >= 0, message.value <= 100 else {
            reject(path["value"], "must be from 0 to 100, is \(message.value)")
            return 100
        }
        return UInt32(message.value.rounded())
    }
}

/// A policy that says how localities share the traffic.
protocol LocatedPolicyMessage: Message {
    var localityLbConfig: Envoy_Extensions_LoadBalancingPolicies_Common_V3_LocalityLbConfig { get set }
}

extension Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin: LocatedPolicyMessage {}
extension Envoy_Extensions_LoadBalancingPolicies_LeastRequest_V3_LeastRequest: LocatedPolicyMessage {}
extension Envoy_Extensions_LoadBalancingPolicies_Random_V3_Random: LocatedPolicyMessage {}

/// A policy with one table for all endpoints, in which weights of localities may count.
protocol WeightedTableMessage: Message {
    var localityWeightedLbConfig:
        Envoy_Extensions_LoadBalancingPolicies_Common_V3_LocalityLbConfig.LocalityWeightedLbConfig
    { get set }
}

extension Envoy_Extensions_LoadBalancingPolicies_RingHash_V3_RingHash: WeightedTableMessage {}
extension Envoy_Extensions_LoadBalancingPolicies_Maglev_V3_Maglev: WeightedTableMessage {}

extension Google_Protobuf_Any {
    /// Says in a policy how localities share the traffic.
    mutating func set(_ localities: LocalityBalancing, in type: any LocatedPolicyMessage.Type) throws {
        try set(localities, opening: type)
    }

    private mutating func set<Policy: LocatedPolicyMessage>(
        _ localities: LocalityBalancing,
        opening type: Policy.Type
    ) throws {
        var policy = try Policy(serializedBytes: bytes)
        switch localities {
        case .weighted: policy.localityLbConfig.localityWeightedLbConfig = .init()
        case .unweighted: return
        case .zoneAware(let zones):
            policy.localityLbConfig.zoneAwareLbConfig = .with { message in
                message.routingEnabled.value = Double(zones.enabledPercent)
                message.minClusterSize = Google_Protobuf_UInt64Value(zones.minimumClusterSize)
                message.failTrafficOnPanic = zones.failsTrafficOnPanic
                if let size = zones.forcedLocalZoneSize {
                    message.forceLocalZone.minSize = Google_Protobuf_UInt32Value(size)
                }
                if zones.basis == .weights { message.localityBasis = .healthyHostsWeight }
            }
        }
        self = try Google_Protobuf_Any(packing: policy)
    }

    /// Says in a policy with one table whether weights of localities count.
    mutating func set<Policy: WeightedTableMessage>(_ localities: LocalityBalancing, in type: Policy.Type) throws {
        guard localities == .weighted else { return }
        var policy = try Policy(serializedBytes: bytes)
        policy.localityWeightedLbConfig = .init()
        self = try Google_Protobuf_Any(packing: policy)
    }
}
