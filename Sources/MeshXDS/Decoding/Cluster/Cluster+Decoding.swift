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
        "lb_subset_config",
        "outlier_detection",
        "health_checks",
        // Who is gone from the endpoints is not used, however well it is.
        "ignore_health_on_host_removal",
        "circuit_breakers",
        "transport_socket",
        "transport_socket_matches",
        "typed_extension_protocol_options",
        "common_http_protocol_options",
        "http_protocol_options",
        "http2_protocol_options",
        "max_requests_per_connection",
        "preconnect_policy",
        // Of clusters with names; reported in the others.
        "dns_refresh_rate",
        "dns_failure_refresh_rate",
        "dns_jitter",
        "respect_dns_ttl",
        "dns_lookup_family",
        // Reported where they have no effect.
        "lrs_server",
        "lrs_report_endpoint_metrics",
        // For statistics and people only.
        "alt_stat_name",
        "metadata"
    )
    private static let readCommon = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.CommonLbConfig.self,
        "healthy_panic_threshold",
        "consistent_hashing_lb_config",
        "ignore_new_hosts_until_first_hc",
        "locality_weighted_lb_config",
        "zone_aware_lb_config"
    )

    /// Decodes a cluster.
    init?(_ message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        let path = FieldPath.root
        context.ignoreOthers(in: message, at: path, read: Self.read)
        context.ignoreOthers(in: message.commonLbConfig, at: path["common_lb_config"], read: Self.readCommon)
        // All parts are decoded before any is missed, so that every problem is reported at once.
        let discovery = Discovery(message, &context)
        context.structure = EndpointStructure()
        let loadBalancing: LoadBalancing?
        if discovery?.picksOtherwise == true, message.lbPolicy == .clusterProvided, !message.hasLoadBalancingPolicy {
            loadBalancing = LoadBalancing(RoundRobin())
        } else if message.hasLoadBalancingPolicy {
            loadBalancing = LoadBalancing(message.loadBalancingPolicy, at: path["load_balancing_policy"], &context)
        } else {
            context.readLocalities(message.commonLbConfig, at: path["common_lb_config"])
            if message.hasLbSubsetConfig, !message.lbSubsetConfig.subsetSelectors.isEmpty {
                let subsets = SubsetBalancing(message.lbSubsetConfig, at: path["lb_subset_config"], &context)
                context.structure.subsets = subsets
            }
            loadBalancing = LoadBalancing(cluster: message, &context)
        }
        let structure = context.structure
        let transport = UpstreamTransport(message, &context)
        let connection = ConnectionOptions(message, &context)
        var outlierDetection: OutlierDetection?
        if message.hasOutlierDetection {
            outlierDetection = OutlierDetection(message.outlierDetection, at: path["outlier_detection"], &context)
        }
        let healthCheck = HealthCheck(message, &context)
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
        let loadStatistics = LoadStatisticsPlan(message, of: discovery, &context)
        guard let discovery, let loadBalancing, let transport, let connection else { return nil }
        self.init(
            name: message.name.canonicalResourceName,
            discovery: discovery,
            connectTimeout: connectTimeout,
            loadBalancing: loadBalancing,
            panicThreshold: panicThreshold,
            localities: structure.localities ?? .weighted,
            priorities: context.rules.priorities,
            subsets: structure.subsets,
            overrideHostHeaders: structure.overrideHostHeaders,
            outlierDetection: outlierDetection,
            healthCheck: healthCheck,
            concurrencyLimit: limits,
            maximumHighPriorityRequests: maximumHighPriorityRequests ?? 1024,
            upstreamSecurity: transport.security,
            serverName: transport.serverName,
            secrets: transport.secrets,
            peerNames: transport.names,
            connection: connection,
            proxy: transport.proxy,
            loadStatistics: loadStatistics,
            policies: policies
        )
    }
}

extension Cluster.Discovery {
    /// Whether how endpoints are picked is not for the cluster to say.
    fileprivate var picksOtherwise: Bool {
        switch self {
        case .aggregate, .originalDestination: true
        case .endpointDiscovery, .fixed, .dns: false
        }
    }

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
        case .clusterType(let custom) where Self.isDNS(custom):
            self.init(customType: custom, namesOf: message, &context)
            return
        case .clusterType(let custom):
            self.init(custom, at: path["cluster_type"], &context)
            return
        case nil: type = .static
        }
        if type != .strictDns, type != .logicalDns {
            DNSDiscovery.ignoreFields(of: message, "has no effect in clusters of type \(Self.name(type))", &context)
        }
        switch type {
        case .eds:
            let path = path["eds_cluster_config"]
            context.ignoreOthers(in: message.edsClusterConfig, at: path, read: Self.readEDS)
            switch message.edsClusterConfig.edsConfig.configSourceSpecifier {
            case .ads, .self_p: break
            case .apiConfigSource, nil:
                context.reject(path["eds_config"], message.edsClusterConfig.edsConfig.refusalOfEndpoints)
                return nil
            }
            let name = message.edsClusterConfig.serviceName.canonicalResourceName
            // A cluster's name of the new style says that it is one: endpoints cannot be called so, too (gRFC A47).
            guard !name.isEmpty || !XDSResourceName.isNewStyle(message.name) else {
                context.reject(path["service_name"], "is empty, which it may not be where the cluster is an xdstp name")
                return nil
            }
            self = .endpointDiscovery(serviceName: name.isEmpty ? nil : name)
        case .static where !message.hasLoadAssignment && context.rules == .envoy:
            // Nobody is there, as in Istio's `BlackHoleCluster`.
            self = .fixed(EndpointAssignment(name: message.name.canonicalResourceName, localities: []))
        case .static:
            guard message.hasLoadAssignment else {
                context.reject(path["load_assignment"], "is missing")
                return nil
            }
            let path = path["load_assignment"]
            guard let assignment = EndpointAssignment(message.loadAssignment, at: path, &context) else { return nil }
            self = .fixed(assignment)
        case .strictDns, .logicalDns:
            self.init(namesOf: message, isLogical: type == .logicalDns, &context)
        // Envoy takes no other policy with it.
        case .originalDst where message.lbPolicy == .clusterProvided && context.rules == .envoy:
            self = .originalDestination
        case .originalDst, .UNRECOGNIZED:
            context.reject(path["type"], "discovery type \(Self.name(type)) is not supported")
            return nil
        }
    }

    /// Decodes a cluster that is made of others.
    private init?(
        _ message: Envoy_Config_Cluster_V3_Cluster.CustomClusterType,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        typealias Aggregate = Envoy_Extensions_Clusters_Aggregate_V3_ClusterConfig
        guard typeName(ofTypeURL: message.typedConfig.typeURL) == Aggregate.protoMessageName else {
            context.reject(path, "discovery type \(message.name) is not supported")
            return nil
        }
        let path = path["typed_config"]
        guard let aggregate = context.unpack(message.typedConfig, as: Aggregate.self, at: path) else { return nil }
        context.ignoreOthers(in: aggregate, at: path, read: ReadFields(Aggregate.self, "clusters"))
        guard !aggregate.clusters.isEmpty else {
            context.reject(path["clusters"], "is empty")
            return nil
        }
        self = .aggregate(aggregate.clusters.map(\.canonicalResourceName))
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
