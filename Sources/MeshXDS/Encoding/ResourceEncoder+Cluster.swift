// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

extension ResourceEncoder {
    /// Encodes a cluster.
    func cluster(_ cluster: Cluster) throws -> Envoy_Config_Cluster_V3_Cluster {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = cluster.name
        message.connectTimeout = Google_Protobuf_Duration(cluster.connectTimeout)
        switch cluster.discovery {
        case .endpointDiscovery(let serviceName):
            message.type = .eds
            message.edsClusterConfig.edsConfig = .aggregated
            message.edsClusterConfig.serviceName = serviceName ?? ""
        case .fixed(let assignment):
            message.type = dialect == .envoy && assignment.hasNames ? .strictDns : .static
            message.loadAssignment = try endpointAssignment(assignment)
        case .aggregate(let members):
            message.clusterType.name = "envoy.clusters.aggregate"
            message.clusterType.typedConfig = try Google_Protobuf_Any(
                packing: Envoy_Extensions_Clusters_Aggregate_V3_ClusterConfig.with { $0.clusters = members }
            )
        case .dns(let assignment, let settings):
            message.set(settings, of: assignment)
            message.loadAssignment = try endpointAssignment(assignment)
        case .originalDestination: message.type = .originalDst
        }
        if !cluster.members.isEmpty || cluster.discovery == .originalDestination {
            // How endpoints are picked is for those that it is made of to say.
            message.lbPolicy = .clusterProvided
        } else if dialect == .grpc {
            // Its older releases know the enumeration only, and take what it says where they know no other policy.
            if let ring = cluster.loadBalancing.policy as? RingHash {
                message.lbPolicy = .ringHash
                message.ringHashLbConfig.minimumRingSize = Google_Protobuf_UInt64Value(ring.minimumSize)
                message.ringHashLbConfig.maximumRingSize = Google_Protobuf_UInt64Value(ring.maximumSize)
            } else {
                message.lbPolicy = .roundRobin
                if !(cluster.loadBalancing.policy is RoundRobin) {
                    message.loadBalancingPolicy = try loadBalancing(of: cluster)
                }
            }
        } else {
            message.loadBalancingPolicy = try loadBalancing(of: cluster)
        }
        message.commonLbConfig.healthyPanicThreshold.value = Double(cluster.panicThreshold)
        if let detection = cluster.outlierDetection {
            message.outlierDetection = Envoy_Config_Cluster_V3_OutlierDetection(detection)
        }
        if let check = cluster.healthCheck {
            message.healthChecks = [Envoy_Config_Core_V3_HealthCheck(check)]
            message.commonLbConfig.ignoreNewHostsUntilFirstHc = check.ignoresNewEndpoints
        }
        message.circuitBreakers = Envoy_Config_Cluster_V3_CircuitBreakers(
            cluster.concurrencyLimit,
            maximumHighPriorityRequests: cluster.maximumHighPriorityRequests
        )
        if dialect == .envoy {
            // Envoy would allow three retries at once; the retry policy is the limit, as in Istio.
            for position in message.circuitBreakers.thresholds.indices {
                message.circuitBreakers.thresholds[position].maxRetries = Google_Protobuf_UInt32Value(.max)
            }
        }
        message.circuitBreakers.thresholds[0].set(cluster.policies.retryBudget)
        message.set(cluster.loadStatistics)
        try encodeConnections(of: cluster, into: &message)
        return message
    }

    private func loadBalancing(of cluster: Cluster) throws -> Envoy_Config_Cluster_V3_LoadBalancingPolicy {
        let policy = cluster.loadBalancing.policy
        for codec in registry.loadBalancing {
            guard var config = try codec.encode(policy, by: registry) else { continue }
            try codec.set(cluster.localities, in: &config)
            var message = Envoy_Config_Cluster_V3_LoadBalancingPolicy(name: policy.name, config)
            if !cluster.overrideHostHeaders.isEmpty {
                message = Envoy_Config_Cluster_V3_LoadBalancingPolicy(
                    name: "override_host",
                    try OverrideHostCodec.encoded(cluster.overrideHostHeaders, around: message)
                )
            }
            guard let subsets = cluster.subsets else { return message }
            return Envoy_Config_Cluster_V3_LoadBalancingPolicy(
                name: "subset",
                try SubsetCodec.encoded(subsets, around: message)
            )
        }
        throw ConfigurationError(path: "load_balancing_policy", "no codec knows the policy \(policy.name)")
    }

    /// Encodes an endpoint assignment.
    func endpointAssignment(
        _ assignment: EndpointAssignment
    ) throws -> Envoy_Config_Endpoint_V3_ClusterLoadAssignment {
        var message = Envoy_Config_Endpoint_V3_ClusterLoadAssignment()
        message.clusterName = assignment.name
        if assignment.overprovisioningFactor != 140 {
            message.policy.overprovisioningFactor = Google_Protobuf_UInt32Value(assignment.overprovisioningFactor)
        }
        message.policy.dropOverloads = assignment.dropOverloads.map { drop in
            .with { message in
                message.category = drop.category
                message.dropPercentage = Envoy_Type_V3_FractionalPercent(drop.share)
            }
        }
        message.endpoints = try assignment.localities.map { group in
            var message = Envoy_Config_Endpoint_V3_LocalityLbEndpoints()
            // gRPC refuses a group without one, be it empty.
            if group.locality != Locality() || dialect == .grpc {
                message.locality = Envoy_Config_Core_V3_Locality()
                message.locality.region = group.locality.region
                message.locality.zone = group.locality.zone
                message.locality.subZone = group.locality.subZone
            }
            message.priority = group.priority
            if let weight = group.weight ?? (dialect == .grpc ? group.impliedWeight : nil) {
                message.loadBalancingWeight = Google_Protobuf_UInt32Value(weight)
            }
            message.lbEndpoints = try group.endpoints.map { try Envoy_Config_Endpoint_V3_LbEndpoint($0) }
            return message
        }
        return message
    }
}

extension Envoy_Config_Cluster_V3_LoadBalancingPolicy {
    /// A list of one policy.
    init(name: String, _ config: Google_Protobuf_Any) {
        self.init()
        var entry = Policy()
        entry.typedExtensionConfig.name = name
        entry.typedExtensionConfig.typedConfig = config
        policies = [entry]
    }
}

extension EndpointAssignment {
    /// Whether an endpoint is named by a host name, which Envoy resolves only in clusters of a type of its own.
    var hasNames: Bool {
        localities.contains { $0.endpoints.contains { $0.address.port != nil && !$0.address.isIPAddress } }
    }
}

extension LocalityEndpoints {
    /// The weight that makes unweighted localities share traffic by their endpoints; gRPC skips those without a weight.
    fileprivate var impliedWeight: UInt32 {
        max(1, UInt32(clamping: endpoints.reduce(0) { $0 + UInt64($1.weight) }))
    }
}

extension Envoy_Config_Endpoint_V3_LbEndpoint {
    /// Encodes an endpoint.
    fileprivate init(_ endpoint: ClusterEndpoint) throws {
        self.init()
        self.endpoint.address = Envoy_Config_Core_V3_Address(endpoint.address)
        self.endpoint.additionalAddresses = endpoint.additionalAddresses.map { address in
            .with { $0.address = Envoy_Config_Core_V3_Address(address) }
        }
        self.endpoint.hostname = endpoint.hostname
        self.endpoint.set(endpoint.healthCheck)
        loadBalancingWeight = Google_Protobuf_UInt32Value(endpoint.weight)
        healthStatus =
            switch endpoint.health {
            case .unknown: .unknown
            case .healthy: .healthy
            case .unhealthy: .unhealthy
            case .draining: .draining
            case .timeout: .timeout
            case .degraded: .degraded
            }
        if endpoint.speaksMutualTLS { MutualTLSMetadata.set(in: &metadata) }
        LabelMetadata.set(endpoint.labels, in: &metadata)
        if !endpoint.hashKey.isEmpty { HashKeyMetadata.set(endpoint.hashKey, in: &metadata) }
        if let proxy = endpoint.proxy { try ProxyMetadata.set(proxy, in: &metadata) }
    }
}
