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
        }
        if dialect == .grpc {
            // Its older releases know the enumeration only; the translation left nothing but these two.
            if let ring = cluster.loadBalancing.policy as? RingHash {
                message.lbPolicy = .ringHash
                message.ringHashLbConfig.minimumRingSize = Google_Protobuf_UInt64Value(ring.minimumSize)
                message.ringHashLbConfig.maximumRingSize = Google_Protobuf_UInt64Value(ring.maximumSize)
            } else {
                message.lbPolicy = .roundRobin
            }
        } else {
            message.loadBalancingPolicy = try loadBalancing(cluster.loadBalancing.policy)
        }
        message.commonLbConfig.healthyPanicThreshold.value = Double(cluster.panicThreshold)
        if let detection = cluster.outlierDetection {
            message.outlierDetection = Envoy_Config_Cluster_V3_OutlierDetection(detection)
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
        try encodeConnections(of: cluster, into: &message)
        return message
    }

    private func loadBalancing(
        _ policy: any LoadBalancingPolicy
    ) throws -> Envoy_Config_Cluster_V3_LoadBalancingPolicy {
        for codec in registry.loadBalancing {
            guard let config = try codec.encode(policy) else { continue }
            var entry = Envoy_Config_Cluster_V3_LoadBalancingPolicy.Policy()
            entry.typedExtensionConfig.name = policy.name
            entry.typedExtensionConfig.typedConfig = config
            var message = Envoy_Config_Cluster_V3_LoadBalancingPolicy()
            message.policies = [entry]
            return message
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

extension EndpointAssignment {
    /// Whether an endpoint is named by a host name, which Envoy resolves only in clusters of a type of its own.
    fileprivate var hasNames: Bool {
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
        self.endpoint.hostname = endpoint.hostname
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
        if !endpoint.hashKey.isEmpty { HashKeyMetadata.set(endpoint.hashKey, in: &metadata) }
        if let proxy = endpoint.proxy { try ProxyMetadata.set(proxy, in: &metadata) }
    }
}
