// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting
import Testing

@testable import MeshXDS

/// The shapes of what Envoy Gateway (1.6) sends for an HTTPRoute: what is decoded of them, and what is reported.
@Suite struct EnvoyGatewayShapeTests {
    private static let listener = """
        {"name": "first-listener", "address": {"socketAddress": {"address": "::", "portValue": 10080}},
         "perConnectionBufferLimitBytes": 32768, "maxConnectionsToAcceptPerSocketEvent": 1,
         "defaultFilterChain": {"name": "first-listener", "filters": [{
          "name": "envoy.filters.network.http_connection_manager", "typedConfig": {
           "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
           "statPrefix": "http-10080", "useRemoteAddress": true, "mergeSlashes": true, "normalizePath": true,
           "pathWithEscapedSlashesAction": "UNESCAPE_AND_REDIRECT", "serverHeaderTransformation": "PASS_THROUGH",
           "http2ProtocolOptions": {"maxConcurrentStreams": 100},
           "rds": {"routeConfigName": "first-listener", "configSource": {"ads": {}, "initialFetchTimeout": "0s",
                                                                         "resourceApiVersion": "V3"}},
           "httpFilters": [{"name": "envoy.filters.http.router", "typedConfig": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppressEnvoyHeaders": true}}]}}]}}
        """
    private static let routes = """
        {"name": "first-listener", "ignorePortInHostMatching": true, "virtualHosts": [
         {"name": "first-listener/*", "domains": ["*"], "routes": [
          {"name": "first-route", "match": {"prefix": "/", "cookies": [{"name": "c", "stringMatch": {"exact": "x"}}],
            "headers": [
            {"name": "user", "stringMatch": {"exact": "jason"}}, {"name": "test", "stringMatch": {"suffix": "end"}}],
            "queryParameters": [{"name": "debug", "stringMatch": {"exact": "yes"}}]},
           "route": {"cluster": "first-route-dest", "upgradeConfigs": [{"upgradeType": "websocket"}]}},
          {"name": "weighted", "match": {"pathSeparatedPrefix": "/v2"},
           "route": {"weightedClusters": {"clusters": [{"name": "first-route-dest", "weight": 9},
                                                       {"name": "second-route-dest", "weight": 1}]}}},
          {"name": "invalid-backend", "match": {"path": "/gone"}, "directResponse": {"status": 500}}]}]}
        """
    private static let cluster = """
        {"name": "first-route-dest", "type": "EDS", "connectTimeout": "10s", "commonLbConfig": {},
         "circuitBreakers": {"thresholds": [{"maxRetries": 1024}]}, "dnsLookupFamily": "V4_PREFERRED",
         "ignoreHealthOnHostRemoval": true, "perConnectionBufferLimitBytes": 32768,
         "edsClusterConfig": {"serviceName": "first-route-dest",
                              "edsConfig": {"ads": {}, "resourceApiVersion": "V3"}},
         "loadBalancingPolicy": {"policies": [{"typedExtensionConfig": {
          "name": "envoy.load_balancing_policies.least_request", "typedConfig": {
           "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
           "localityLbConfig": {"localityWeightedLbConfig": {}}}}}]}}
        """
    private static let endpoints = """
        {"clusterName": "first-route-dest", "endpoints": [{
         "loadBalancingWeight": 1, "locality": {"region": "first-route-dest/backend/0"}, "lbEndpoints": [
          {"endpoint": {"address": {"socketAddress": {"address": "1.2.3.4", "portValue": 50000}}},
           "loadBalancingWeight": 1},
          {"endpoint": {"address": {"socketAddress": {"address": "1.2.3.5", "portValue": 50000}}},
           "healthStatus": "DRAINING", "loadBalancingWeight": 1}]}]}
        """

    @Test func `the listener serves at its address, by the routes of its name`() throws {
        let read = try ResourceDocument(json: Self.listener).listener()
        let address = EndpointAddress(host: "::", port: 10080)
        #expect(read.resource.direction == .inbound(address: address, security: .plaintext))
        #expect(read.resource.routeConfigurationName == "first-listener")
        #expect(read.ignored.contains { $0.path.hasSuffix("normalizePath") || $0.path.hasSuffix("normalize_path") })
    }

    @Test func `the routes keep every condition, split and reply`() throws {
        let routes = try ResourceDocument(json: Self.routes).routeConfiguration().resource
        let all = try #require(routes.virtualHosts.first).routes
        #expect(routes.ignoresPort && all.map(\.name) == ["first-route", "weighted", "invalid-backend"])
        let match = all[0].match
        #expect(match.headers.count == 2 && match.queryParameters.count == 1 && match.cookies.count == 1)
        #expect(routes.clusterNames == ["first-route-dest", "first-route-dest", "second-route-dest"])
    }

    @Test func `the cluster and its endpoints mean what they mean to Envoy`() throws {
        let cluster = try ResourceDocument(json: Self.cluster).cluster().resource
        #expect(cluster.loadBalancing.policy is LeastRequest)
        #expect(cluster.endpointAssignmentName == "first-route-dest" && cluster.localities == .weighted)
        let assignment = try ResourceDocument(json: Self.endpoints).endpointAssignment().resource
        #expect(assignment.localities.first?.endpoints.map(\.health) == [.unknown, .draining])
    }
}
