// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import SwiftProtobuf

extension Cluster {
    private static let read = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.self,
        "name",
        "type",
        "cluster_type",
        "eds_cluster_config",
        "load_assignment",
        "connect_timeout",
        "lb_policy",
        "round_robin_lb_config",
        "least_request_lb_config",
        "ring_hash_lb_config",
        "maglev_lb_config",
        "common_lb_config",
        "load_balancing_policy",
        "outlier_detection",
        "circuit_breakers",
        "transport_socket",
        "transport_socket_matches",
        "typed_extension_protocol_options",
        "common_http_protocol_options",
        "http_protocol_options",
        "http2_protocol_options",
        "max_requests_per_connection",
        "preconnect_policy",
        // For statistics and people only.
        "alt_stat_name",
        "metadata"
    )
    private static let readCommon = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.CommonLbConfig.self,
        "healthy_panic_threshold",
        "consistent_hashing_lb_config",
        // Localities are weighted in any case where they have weights.
        "locality_weighted_lb_config"
    )

    /// Decodes a cluster.
    init?(_ message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        let path = FieldPath.root
        context.ignoreOthers(in: message, at: path, read: Self.read)
        context.ignoreOthers(in: message.commonLbConfig, at: path["common_lb_config"], read: Self.readCommon)
        // All parts are decoded before any is missed, so that every problem is reported at once.
        let discovery = Discovery(message, &context)
        let loadBalancing =
            message.hasLoadBalancingPolicy
            ? LoadBalancing(message.loadBalancingPolicy, at: path["load_balancing_policy"], &context)
            : LoadBalancing(cluster: message, &context)
        let transport = UpstreamTransport(message, &context)
        let connection = ConnectionOptions(message, &context)
        var outlierDetection: OutlierDetection?
        if message.hasOutlierDetection {
            outlierDetection = OutlierDetection(message.outlierDetection, at: path["outlier_detection"], &context)
        }
        var connectTimeout = Nanoseconds.seconds(5)
        if message.hasConnectTimeout,
            let limit = Nanoseconds(positive: message.connectTimeout, at: path["connect_timeout"], &context)
        {
            connectTimeout = limit
        }
        var panicThreshold: UInt32 = 50
        if message.commonLbConfig.hasHealthyPanicThreshold {
            let percent = message.commonLbConfig.healthyPanicThreshold.value
            guard percent >= 0, percent <= 100 else {
                context.reject(
                    path["common_lb_config"]["healthy_panic_threshold"]["value"],
                    "must be from 0 to 100, is \(percent)"
                )
                return nil
            }
            panicThreshold = UInt32(percent.rounded())
        }
        var policies = TrafficPolicies.none
        var maximumHighPriorityRequests: UInt32?
        let limits = ConcurrencyLimitConfiguration(
            message.circuitBreakers,
            at: path["circuit_breakers"],
            retryBudget: &policies.retryBudget,
            maximumHighPriorityRequests: &maximumHighPriorityRequests,
            &context
        )
        guard let discovery, let loadBalancing, let transport, let connection else { return nil }
        self.init(
            name: message.name,
            discovery: discovery,
            connectTimeout: connectTimeout,
            loadBalancing: loadBalancing,
            panicThreshold: panicThreshold,
            outlierDetection: outlierDetection,
            concurrencyLimit: limits,
            maximumHighPriorityRequests: maximumHighPriorityRequests ?? 1024,
            upstreamSecurity: transport.security,
            serverName: transport.serverName,
            connection: connection,
            proxy: transport.proxy,
            policies: policies
        )
    }
}

extension Cluster.Discovery {
    private static let readEDS = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.EdsClusterConfig.self,
        "eds_config",
        "service_name"
    )

    /// Decodes where the endpoints come from.
    fileprivate init?(_ message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        let path = FieldPath.root
        let type: Envoy_Config_Cluster_V3_Cluster.DiscoveryType
        switch message.clusterDiscoveryType {
        case .type(let named): type = named
        case .clusterType(let custom):
            context.reject(path["cluster_type"], "discovery type \(custom.name) is not supported")
            return nil
        case nil: type = .static
        }
        switch type {
        case .eds:
            let path = path["eds_cluster_config"]
            context.ignoreOthers(in: message.edsClusterConfig, at: path, read: Self.readEDS)
            switch message.edsClusterConfig.edsConfig.configSourceSpecifier {
            case .ads, .self_p: break
            case .apiConfigSource, nil:
                context.reject(path["eds_config"], "must be ads or self")
                return nil
            }
            let name = message.edsClusterConfig.serviceName
            self = .endpointDiscovery(serviceName: name.isEmpty ? nil : name)
        case .static:
            guard message.hasLoadAssignment else {
                context.reject(path["load_assignment"], "is missing")
                return nil
            }
            let path = path["load_assignment"]
            guard let assignment = EndpointAssignment(message.loadAssignment, at: path, &context) else { return nil }
            self = .fixed(assignment)
        case .strictDns, .logicalDns, .originalDst, .UNRECOGNIZED:
            context.reject(path["type"], "discovery type \(Self.name(type)) is not supported")
            return nil
        }
    }

    private static func name(_ type: Envoy_Config_Cluster_V3_Cluster.DiscoveryType) -> String {
        switch type {
        case .static: "STATIC"
        case .strictDns: "STRICT_DNS"
        case .logicalDns: "LOGICAL_DNS"
        case .eds: "EDS"
        case .originalDst: "ORIGINAL_DST"
        case .UNRECOGNIZED(let number): "\(number)"
        }
    }
}
