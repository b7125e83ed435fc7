// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("DNS clusters in xDS")
struct DNSDecodingTests {
    private typealias Message = Envoy_Config_Cluster_V3_Cluster
    private typealias DNSCluster = Envoy_Extensions_Clusters_Dns_V3_DnsCluster

    private func cluster(
        _ type: Message.DiscoveryType,
        _ names: [String] = ["a.example"],
        _ change: (inout Message) throws -> Void = { _ in }
    ) rethrows -> Message {
        var message = Message()
        message.name = "c"
        message.type = type
        let addresses = names.map { EndpointAddress(host: $0, port: 80) }
        message.loadAssignment.endpoints = [.init()]
        message.loadAssignment.endpoints[0].lbEndpoints = addresses.map { address in
            var endpoint = Envoy_Config_Endpoint_V3_LbEndpoint()
            endpoint.endpoint.address = Envoy_Config_Core_V3_Address(address)
            return endpoint
        }
        try change(&message)
        return message
    }

    private func decode(_ message: Message) throws -> (cluster: Cluster, ignored: [String]) {
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return (cluster, decoded.ignored.map(\.path))
    }

    private func assignment(_ names: [String]) -> EndpointAssignment {
        EndpointAssignment(name: "", addresses: names.map { EndpointAddress(host: $0, port: 80) })
            .withHealth(.unknown)
    }

    @Test("both types have Envoy's defaults")
    func defaults() throws {
        let strict = try decode(cluster(.strictDns, ["a.example", "10.0.0.1"]))
        #expect(strict.cluster.discovery == .dns(assignment(["a.example", "10.0.0.1"]), .strict))
        #expect(strict.ignored == [])
        let logical = try decode(cluster(.logicalDns))
        #expect(logical.cluster.discovery == .dns(assignment(["a.example"]), .logical))
        #expect(logical.cluster.endpointAssignmentName == nil)
    }

    @Test("every setting is read")
    func settings() throws {
        let decoded = try decode(
            cluster(.strictDns) { message in
                message.dnsRefreshRate = Google_Protobuf_Duration(.seconds(7))
                message.dnsFailureRefreshRate.baseInterval = Google_Protobuf_Duration(.seconds(2))
                message.dnsJitter = Google_Protobuf_Duration(.milliseconds(300))
                message.respectDnsTtl = true
                message.dnsLookupFamily = .v4Preferred
            }
        )
        #expect(decoded.ignored == [])
        guard case .dns(_, let settings) = decoded.cluster.discovery else { throw CancellationError() }
        let expected = DNSDiscovery(
            refreshInterval: .seconds(7),
            failureBackoff: .init(base: .seconds(2), maximum: .seconds(20)),
            jitter: .milliseconds(300),
            respectsTTL: true,
            lookupFamily: .version4Preferred
        )
        #expect(settings == expected)
    }

    @Test("each family has its name", arguments: zip(0..<5, DNSLookupFamily.allCases))
    func families(number: Int, family: DNSLookupFamily) throws {
        let old = try decode(cluster(.strictDns) { $0.dnsLookupFamily = .init(rawValue: number) ?? .auto })
        let new = try decode(
            cluster(.static) { message in
                var settings = DNSCluster()
                settings.dnsLookupFamily = .init(rawValue: number + 1) ?? .auto
                message.clusterType.typedConfig = try Google_Protobuf_Any(packing: settings)
            }
        )
        for decoded in [old, new] {
            guard case .dns(_, let settings) = decoded.cluster.discovery else { throw CancellationError() }
            #expect(settings.lookupFamily == family)
        }
    }

    @Test("the type envoy.clusters.dns says the same in its own message, before which the cluster's fields yield")
    func customType() throws {
        for isLogical in [false, true] {
            let decoded = try decode(
                cluster(.static) { message in
                    var settings = DNSCluster()
                    settings.dnsRefreshRate = Google_Protobuf_Duration(.seconds(9))
                    settings.dnsFailureRefreshRate.baseInterval = Google_Protobuf_Duration(.seconds(2))
                    settings.dnsFailureRefreshRate.maxInterval = Google_Protobuf_Duration(.seconds(3))
                    settings.allAddressesInSingleEndpoint = isLogical
                    settings.typedDnsResolverConfig.name = "cares"
                    message.clusterType.name = "envoy.cluster.dns"
                    message.clusterType.typedConfig = try Google_Protobuf_Any(packing: settings)
                    message.respectDnsTtl = true
                }
            )
            let settings = DNSDiscovery(
                kind: isLogical ? .logical : .strict,
                refreshInterval: .seconds(9),
                failureBackoff: .init(base: .seconds(2), maximum: .seconds(3))
            )
            #expect(decoded.cluster.discovery == .dns(assignment(["a.example"]), settings))
            #expect(
                decoded.ignored == ["cluster_type.typed_config.typed_dns_resolver_config", "respect_dns_ttl"]
            )
        }
    }

    @Test("the priority of a logical cluster's only endpoint counts for nothing")
    func priority() throws {
        let decoded = try decode(cluster(.logicalDns) { $0.loadAssignment.endpoints[0].priority = 3 })
        #expect(decoded.cluster.discovery == .dns(assignment(["a.example"]), .logical))
    }

    @Test("settings of clusters whose endpoints come from elsewhere are reported")
    func others() throws {
        let decoded = try decode(
            cluster(.static, ["10.0.0.1"]) { message in
                message.dnsRefreshRate = Google_Protobuf_Duration(.seconds(7))
                message.dnsLookupFamily = .v4Only
            }
        )
        #expect(decoded.ignored == ["dns_refresh_rate", "dns_lookup_family"])
    }

    @Test("what Envoy or gRPC refuses is refused, with its path")
    func refused() throws {
        let endpoint = "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address"
        let zero = Google_Protobuf_Duration()
        let bad: [(Message, [String])] = [
            (try cluster(.logicalDns, ["a.example", "b.example"]), ["load_assignment.endpoints"]),
            (try cluster(.logicalDns, []), ["load_assignment.endpoints"]),
            (
                cluster(.logicalDns) { $0.loadAssignment.endpoints.append(.init()) },
                ["load_assignment.endpoints", "load_assignment.endpoints[1]"]
            ),
            (cluster(.logicalDns) { $0.clearLoadAssignment() }, ["load_assignment"]),
            (cluster(.strictDns) { $0.clearLoadAssignment() }, ["load_assignment"]),
            (
                cluster(.strictDns) { message in
                    message.loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address.socketAddress.resolverName = "x"
                }, ["\(endpoint).socket_address.resolver_name"]
            ),
            (
                cluster(.strictDns) { message in
                    message.loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address.socketAddress.address =
                        "a\u{1}b"
                }, ["\(endpoint).socket_address.address"]
            ),
            (
                cluster(.strictDns) { message in
                    message.loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address.socketAddress.address =
                        String(repeating: "a", count: 256)
                }, ["\(endpoint).socket_address.address"]
            ),
            (
                cluster(.logicalDns) { message in
                    message.loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address.pipe.path = "/x"
                }, ["\(endpoint).socket_address"]
            ),
            (cluster(.strictDns) { $0.dnsRefreshRate = zero }, ["dns_refresh_rate"]),
            (
                cluster(.strictDns) { $0.dnsRefreshRate = Google_Protobuf_Duration(.milliseconds(1)) },
                ["dns_refresh_rate"]
            ),
            (
                cluster(.strictDns) { message in
                    message.dnsFailureRefreshRate.maxInterval = Google_Protobuf_Duration(.seconds(1))
                }, ["dns_failure_refresh_rate.base_interval"]
            ),
            (
                cluster(.strictDns) { message in
                    message.dnsFailureRefreshRate.baseInterval = Google_Protobuf_Duration(.seconds(2))
                    message.dnsFailureRefreshRate.maxInterval = Google_Protobuf_Duration(.seconds(1))
                }, ["dns_failure_refresh_rate.max_interval"]
            ),
            (cluster(.strictDns) { $0.dnsLookupFamily = .UNRECOGNIZED(17) }, ["dns_lookup_family"]),
        ]
        for (message, paths) in bad {
            let error = #expect(throws: ConfigurationError.self) { try decode(message) }
            #expect(error?.problems.map(\.path) == paths)
        }
    }
}

extension EndpointAssignment {
    /// The same with another health everywhere.
    fileprivate func withHealth(_ health: HealthStatus) -> EndpointAssignment {
        var copy = self
        for position in copy.localities.indices {
            for number in copy.localities[position].endpoints.indices {
                copy.localities[position].endpoints[number].health = health
            }
        }
        return copy
    }
}
