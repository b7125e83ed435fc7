// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

@testable import MeshXDS

/// What istiod sends to `sidecar~10.0.0.7~productpage.default~default.svc.cluster.local` for some services: the shapes of
/// `pilot/pkg/networking/core` (1.28), with the filters that it puts into every sidecar.
enum SidecarConfiguration {
    typealias ConnectionManager =
        Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
    static let domain = "default.svc.cluster.local"

    /// A message that nobody here has a type for.
    static func opaque(_ type: String) -> Google_Protobuf_Any {
        .with { $0.typeURL = "type.googleapis.com/" + type }
    }

    static func world() throws -> [ResourceKind: [String: PackedResource]] {
        let routes = [
            portRoutes(),
            routes("cache.\(domain):8080", [host("cache", 8080, domains: ["*"], [route(to: "cache", 8080)])]),
        ]
        let clusters = try [
            edsCluster("reviews", 9080), edsCluster("reviews", 9080, subset: "v1"),
            edsCluster("reviews", 9080, subset: "v2"), edsCluster("ratings", 9080), edsCluster("cache", 8080),
            plain("PassthroughCluster", .originalDst), plain("BlackHoleCluster", .static),
            plain("InboundPassthroughCluster", .originalDst), plain("inbound|9080||", .originalDst),
        ]
        let endpoints = [
            assignment("outbound|9080||reviews.\(domain)", "10.0.1.1", "10.0.1.2"),
            assignment("outbound|9080|v1|reviews.\(domain)", "10.0.1.1"),
            assignment("outbound|9080|v2|reviews.\(domain)", "10.0.1.2"),
            assignment("outbound|9080||ratings.\(domain)", "10.0.2.1"),
            assignment("outbound|8080||cache.\(domain)", "10.0.3.1"),
        ]
        return [
            .listener: try packed(try listeners(), \.name),
            .routeConfiguration: try packed(routes, \.name),
            .cluster: try packed(clusters, \.name),
            .endpointAssignment: try packed(endpoints, \.clusterName),
        ]
    }

    private static func packed<M: Message>(
        _ messages: [M],
        _ name: KeyPath<M, String>
    ) throws -> [String: PackedResource] {
        try Dictionary(uniqueKeysWithValues: messages.map { ($0[keyPath: name], try Fixtures.packed($0)) })
    }
}

// MARK: - Routes

extension SidecarConfiguration {
    /// The routes of all services with port 9080.
    private static func portRoutes() -> Envoy_Config_Route_V3_RouteConfiguration {
        var jason = Envoy_Config_Route_V3_HeaderMatcher()
        jason.name = "end-user"
        jason.stringMatch.exact = "jason"
        var forJason = route(to: "reviews", 9080, subset: "v2")
        forJason.match.headers = [jason]
        var anything = host("allow_any", 0, domains: ["*"], [route(toCluster: "PassthroughCluster")])
        anything.name = "allow_any"
        return routes(
            "9080",
            [
                host("ratings", 9080, [route(to: "ratings", 9080)]),
                host("reviews", 9080, [forJason, route(to: "reviews", 9080, subset: "v1")]), anything,
            ]
        )
    }

    private static func routes(
        _ name: String,
        _ hosts: [Envoy_Config_Route_V3_VirtualHost]
    ) -> Envoy_Config_Route_V3_RouteConfiguration {
        .with {
            $0.name = name
            $0.virtualHosts = hosts
            $0.validateClusters = Google_Protobuf_BoolValue(false)
            $0.maxDirectResponseBodySizeBytes = Google_Protobuf_UInt32Value(1_048_576)
            $0.ignorePortInHostMatching = true
        }
    }

    private static func host(
        _ service: String,
        _ port: Int,
        domains: [String]? = nil,
        _ routes: [Envoy_Config_Route_V3_Route]
    ) -> Envoy_Config_Route_V3_VirtualHost {
        .with {
            $0.name = "\(service).\(domain):\(port)"
            $0.domains = domains ?? ["\(service).\(domain)", service, "\(service).default.svc", "\(service).default"]
            $0.routes = routes
            $0.includeRequestAttemptCount = true
        }
    }

    private static func route(to service: String, _ port: Int, subset: String = "") -> Envoy_Config_Route_V3_Route {
        var route = route(toCluster: "outbound|\(port)|\(subset)|\(service).\(domain)")
        route.decorator.operation = "\(service).\(domain):\(port)/*"
        route.route.retryPolicy = .with {
            $0.retryOn = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
            $0.numRetries = Google_Protobuf_UInt32Value(2)
            $0.retryHostPredicate = [
                .with {
                    $0.name = "envoy.retry_host_predicates.previous_hosts"
                    $0.typedConfig = opaque("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")
                }
            ]
            $0.hostSelectionRetryMaxAttempts = 5
            $0.retriableStatusCodes = [503]
        }
        return route
    }

    private static func route(toCluster cluster: String) -> Envoy_Config_Route_V3_Route {
        .with {
            $0.name = "default"
            $0.match.prefix = "/"
            $0.route.cluster = cluster
            $0.route.timeout = Google_Protobuf_Duration()
            $0.route.maxGrpcTimeout = Google_Protobuf_Duration()
        }
    }
}

// MARK: - Clusters

extension SidecarConfiguration {
    private static func edsCluster(
        _ service: String,
        _ port: Int,
        subset: String = ""
    ) throws -> Envoy_Config_Cluster_V3_Cluster {
        let name = "outbound|\(port)|\(subset)|\(service).\(domain)"
        // One of `filters`, which our messages do not have: `istio.metadata_exchange`.
        let filter = [UInt8]("istio.metadata_exchange".utf8)
        let filters: [UInt8] = [0xC2, 0x02, UInt8(filter.count + 2), 0x0A, UInt8(filter.count)] + filter
        return try .with {
            try $0.merge(serializedBytes: filters)
            $0.name = name
            $0.type = .eds
            $0.edsClusterConfig.serviceName = name
            $0.edsClusterConfig.edsConfig = aggregated
            $0.connectTimeout = Google_Protobuf_Duration(seconds: 10)
            $0.lbPolicy = .leastRequest
            $0.commonLbConfig = .init()
            $0.circuitBreakers.thresholds = [
                .with {
                    $0.maxConnections = Google_Protobuf_UInt32Value(.max)
                    $0.maxPendingRequests = Google_Protobuf_UInt32Value(.max)
                    $0.maxRequests = Google_Protobuf_UInt32Value(.max)
                    $0.maxRetries = Google_Protobuf_UInt32Value(.max)
                    $0.trackRemaining = true
                }
            ]
            $0.metadata.filterMetadata["istio"] = Google_Protobuf_Struct(fields: [
                "default_original_port": Google_Protobuf_Value(numberValue: Double(port)),
                "subset": Google_Protobuf_Value(stringValue: subset),
            ])
        }
    }

    private static func plain(
        _ name: String,
        _ type: Envoy_Config_Cluster_V3_Cluster.DiscoveryType
    ) -> Envoy_Config_Cluster_V3_Cluster {
        .with {
            $0.name = name
            $0.type = type
            $0.connectTimeout = Google_Protobuf_Duration(seconds: 10)
            if type == .originalDst { $0.lbPolicy = .clusterProvided }
        }
    }

    private static func assignment(
        _ cluster: String,
        _ hosts: String...
    ) -> Envoy_Config_Endpoint_V3_ClusterLoadAssignment {
        .with {
            $0.clusterName = cluster
            $0.endpoints = [
                .with {
                    $0.locality.region = "r"
                    $0.locality.zone = "z"
                    $0.loadBalancingWeight = Google_Protobuf_UInt32Value(UInt32(hosts.count))
                    $0.lbEndpoints = hosts.map { host in
                        .with {
                            $0.endpoint.address.socketAddress.address = host
                            $0.endpoint.address.socketAddress.portValue = 9080
                            $0.healthStatus = .healthy
                            $0.loadBalancingWeight = Google_Protobuf_UInt32Value(1)
                            $0.metadata.filterMetadata["istio"] = Google_Protobuf_Struct(fields: [
                                "workload": Google_Protobuf_Value(stringValue: "w;default;w;v1;Kubernetes")
                            ])
                        }
                    }
                }
            ]
        }
    }

    static var aggregated: Envoy_Config_Core_V3_ConfigSource {
        .with {
            $0.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
            $0.initialFetchTimeout = Google_Protobuf_Duration()
            $0.resourceApiVersion = .v3
        }
    }
}
