// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Connections for other clients")
struct ConnectionTranslationTests {
    fileprivate static let key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

    private struct Served {
        var clusters: [String: Envoy_Config_Cluster_V3_Cluster] = [:]
        var assignments: [String: EndpointAssignment] = [:]
        var reports: [String] = []

        init(_ resources: MeshResources, to dialect: Dialect) throws {
            let output = ResourceEncoder(dialect: dialect).encode(resources)
            reports = output.reports.map(\.path)
            for (name, packed) in output.resources[.cluster] ?? [:] {
                clusters[name] = try Envoy_Config_Cluster_V3_Cluster(serializedBytes: packed.bytes)
            }
            for (name, packed) in output.resources[.endpointAssignment] ?? [:] {
                let decoded = try ResourceDecoder().decode(packed, as: .endpointAssignment).result.get()
                if case .endpointAssignment(let assignment) = decoded.resource { assignments[name] = assignment }
            }
        }

        func options(_ name: String) throws -> Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions? {
            try clusters[name]?.typedExtensionProtocolOptions[ConnectionTranslationTests.key].map {
                try Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions(serializedBytes: $0.bytes)
            }
        }
    }

    @Test("Envoy is told the version of HTTP where it is told anything, since it refuses options without one")
    func options() throws {
        let served = try Served(
            MeshResources(clusters: [
                Cluster(name: "default"),
                Cluster(name: "idle", connection: ConnectionOptions(idleTimeout: .seconds(1))),
                Cluster(name: "http2", connection: ConnectionOptions(httpVersion: .http2, preconnectRatio: 2)),
            ]),
            to: .envoy
        )
        #expect(served.reports == [])
        #expect(try served.options("default") == nil)
        let idle = try #require(try served.options("idle"))
        #expect(idle.explicitHTTPConfig.protocolConfig == .httpProtocolOptions(.init()))
        #expect(idle.commonHTTPProtocolOptions.idleTimeout.seconds == 1)
        let http2 = try #require(try served.options("http2"))
        #expect(http2.explicitHTTPConfig.protocolConfig == .http2ProtocolOptions(.init()))
        #expect(!http2.hasCommonHTTPProtocolOptions)
        #expect(served.clusters["http2"]?.preconnectPolicy.perUpstreamPreconnectRatio.value == 2)
    }

    @Test("Envoy gets no choice that only TLS could make, because it refuses such clusters")
    func automatic() throws {
        let cluster = Cluster(
            name: "c",
            upstreamSecurity: .mutualTLS(acceptedIdentities: []),
            connection: ConnectionOptions(httpVersion: .automatic, maximumRequests: 5)
        )
        let served = try Served(MeshResources(clusters: [cluster]), to: .envoy)
        let options = try #require(try served.options("c"))
        #expect(options.explicitHTTPConfig.protocolConfig == .httpProtocolOptions(.init()))
        #expect(options.commonHTTPProtocolOptions.maxRequestsPerConnection.value == 5)
        #expect(served.reports == ["clusters[c].transport_socket"])
    }

    @Test("gRPC gets no options, and no socket that it would refuse")
    func grpc() throws {
        let proxy = Cluster.Proxy.address(EndpointAddress(host: "10.0.0.9", port: 1))
        let served = try Served(
            MeshResources(clusters: [
                Cluster(name: "a", connection: ConnectionOptions(httpVersion: .http2)),
                Cluster(name: "b", connection: ConnectionOptions(maximumRequests: 5, preconnectRatio: 2), proxy: proxy),
            ]),
            to: .grpc
        )
        #expect(served.reports == ["clusters[b].proxy", "clusters[b].connection"])
        #expect(served.clusters.values.allSatisfy { $0.typedExtensionProtocolOptions.isEmpty })
        #expect(served.clusters.values.allSatisfy { !$0.hasTransportSocket && !$0.hasPreconnectPolicy })
    }

    @Test("Envoy finds the cluster's proxy at each endpoint, and other clusters of the endpoints do not")
    func proxy() throws {
        let shared = EndpointAddress(host: "10.0.0.9", port: 3128)
        let own = EndpointAddress(host: "10.0.0.8", port: 3128)
        let endpoints = EndpointAssignment(
            name: "e",
            localities: [
                LocalityEndpoints(endpoints: [
                    ClusterEndpoint(EndpointAddress(host: "10.0.0.1", port: 80)),
                    ClusterEndpoint(EndpointAddress(host: "10.0.0.2", port: 80), proxy: own),
                    ClusterEndpoint(EndpointAddress(unixSocketPath: "/run/a")),
                ])
            ]
        )
        let resources = MeshResources(
            clusters: [
                Cluster(name: "direct", discovery: .endpointDiscovery(serviceName: "e")),
                Cluster(name: "own", discovery: .endpointDiscovery(serviceName: "e"), proxy: .ofEndpoint),
                Cluster(name: "shared", discovery: .endpointDiscovery(serviceName: "e"), proxy: .address(shared)),
            ],
            endpointAssignments: [endpoints]
        )
        let served = try Served(resources, to: .envoy)
        let proxies = { (name: String) in
            served.assignments[name]?.localities.flatMap(\.endpoints).map(\.proxy)
        }
        #expect(served.reports == [])
        #expect(served.clusters["own"]?.edsClusterConfig.serviceName == "e")
        #expect(proxies("e") == [nil, own, nil])
        let name = try #require(served.clusters["shared"]).edsClusterConfig.serviceName
        #expect(name == "shared/proxied")
        #expect(proxies(name) == [shared, own, nil])
        #expect(served.clusters["direct"]?.hasTransportSocket == false)
        #expect(served.clusters["shared"]?.transportSocket.name == "envoy.transport_sockets.http_11_proxy")
        #expect(resources.endpointAssignments["e"] == endpoints)
    }

    @Test("Envoy takes no names of proxies: an endpoint behind one is left out, and never reached directly")
    func namedProxy() throws {
        let assignment = EndpointAssignment(name: "c", addresses: [EndpointAddress(host: "10.0.0.1", port: 80)])
        let cluster = Cluster(
            name: "c",
            discovery: .fixed(assignment),
            proxy: .address(EndpointAddress(host: "proxy.example", port: 80))
        )
        let served = try Served(MeshResources(clusters: [cluster]), to: .envoy)
        #expect(served.reports == ["clusters[c].proxy"])
        #expect(served.clusters["c"]?.loadAssignment.endpoints.flatMap(\.lbEndpoints) == [])
    }
}
