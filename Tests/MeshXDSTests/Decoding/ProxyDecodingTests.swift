// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Proxies in xDS")
struct ProxyDecodingTests {
    private static let key = "envoy.http11_proxy_transport_socket.proxy_address"
    private typealias ProxySocket = Envoy_Extensions_TransportSockets_Http11Proxy_V3_Http11ProxyUpstreamTransport

    private func any(_ message: some Message) throws -> Google_Protobuf_Any {
        try Google_Protobuf_Any(packing: message)
    }

    private func socket(
        _ change: (inout ProxySocket) -> Void = { _ in }
    ) throws -> Envoy_Config_Core_V3_TransportSocket {
        var proxy = ProxySocket()
        proxy.transportSocket.name = TransportSocketNames.rawBuffer
        change(&proxy)
        var socket = Envoy_Config_Core_V3_TransportSocket()
        socket.name = "envoy.transport_sockets.http_11_proxy"
        socket.typedConfig = try any(proxy)
        return socket
    }

    private func cluster(
        _ change: (inout Envoy_Config_Cluster_V3_Cluster) throws -> Void
    ) throws -> Cluster {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        try change(&message)
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .cluster)
        #expect(decoded.ignored == [])
        guard case .cluster(let cluster) = decoded.resource else { throw CancellationError() }
        return cluster
    }

    @Test("the proxy's socket has endpoints name theirs, and the cluster one for the others")
    func sockets() throws {
        let own = try cluster { $0.transportSocket = try socket() }
        #expect(own.proxy == .ofEndpoint && own.upstreamSecurity == .plaintext)
        let address = EndpointAddress(host: "10.0.0.9", port: 3128)
        let shared = try cluster { message in
            message.transportSocket = try socket { $0.defaultProxyAddress = Envoy_Config_Core_V3_Address(address) }
        }
        #expect(shared.proxy == .address(address))
    }

    @Test("TLS goes through the proxy")
    func security() throws {
        var tls = Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext()
        tls.commonTlsContext = .init(acceptedIdentities: ["spiffe://a/b"])
        let inner = try Envoy_Config_Core_V3_TransportSocket(tls: tls)
        let cluster = try cluster { message in
            message.transportSocket = try socket { $0.transportSocket = inner }
        }
        #expect(cluster.proxy == .ofEndpoint)
        #expect(cluster.upstreamSecurity == .mutualTLS(acceptedIdentities: ["spiffe://a/b"]))
    }

    @Test("a proxy's socket without one in it, in another, or for some endpoints only is refused")
    func refused() throws {
        let bad: [(String, (inout Envoy_Config_Cluster_V3_Cluster) throws -> Void)] = [
            (
                "transport_socket.typed_config.transport_socket",
                { $0.transportSocket = try socket { $0.clearTransportSocket() } }
            ),
            (
                "transport_socket.typed_config.transport_socket.typed_config",
                { message in
                    let inner = try socket()
                    message.transportSocket = try socket { $0.transportSocket = inner }
                }
            ),
            (
                "transport_socket.typed_config.default_proxy_address",
                { $0.transportSocket = try socket { $0.defaultProxyAddress = .init() } }
            ),
            (
                "transport_socket_matches",
                { message in
                    var match = Envoy_Config_Cluster_V3_Cluster.TransportSocketMatch()
                    match.match = MutualTLSMetadata.criteria
                    match.transportSocket.name = TransportSocketNames.rawBuffer
                    message.transportSocketMatches = [match]
                    message.transportSocket = try socket()
                }
            ),
        ]
        for (path, change) in bad {
            let error = #expect(throws: ConfigurationError.self) { try cluster(change) }
            #expect(error?.problems.map(\.path) == [path])
        }
    }

    private func assignment(
        endpoint: Google_Protobuf_Any?,
        locality: Google_Protobuf_Any?
    ) throws -> EndpointAddress? {
        var message = Envoy_Config_Endpoint_V3_ClusterLoadAssignment()
        message.clusterName = "c"
        var lbEndpoint = Envoy_Config_Endpoint_V3_LbEndpoint()
        lbEndpoint.endpoint.address = Envoy_Config_Core_V3_Address(EndpointAddress(host: "10.0.0.1", port: 80))
        if let endpoint { lbEndpoint.metadata.typedFilterMetadata[Self.key] = endpoint }
        var group = Envoy_Config_Endpoint_V3_LocalityLbEndpoints()
        group.lbEndpoints = [lbEndpoint]
        if let locality { group.metadata.typedFilterMetadata[Self.key] = locality }
        message.endpoints = [group]
        let decoded = try ResourceDecoder().decode(try message.serializedBytes(), as: .endpointAssignment)
        guard case .endpointAssignment(let assignment) = decoded.resource else { throw CancellationError() }
        return assignment.localities[0].endpoints[0].proxy
    }

    @Test("an endpoint's proxy stands in its metadata, or in its locality's")
    func metadata() throws {
        let first = EndpointAddress(host: "10.0.0.8", port: 1)
        let second = EndpointAddress(host: "10.0.0.9", port: 2)
        let own = try any(Envoy_Config_Core_V3_Address(first))
        let shared = try any(Envoy_Config_Core_V3_Address(second))
        #expect(try assignment(endpoint: nil, locality: nil) == nil)
        #expect(try assignment(endpoint: own, locality: nil) == first)
        #expect(try assignment(endpoint: nil, locality: shared) == second)
        #expect(try assignment(endpoint: own, locality: shared) == first)
    }

    @Test("a proxy that is no address is refused, and not passed over")
    func badMetadata() throws {
        let place = "metadata.typed_filter_metadata[\(Self.key)]"
        let error = #expect(throws: ConfigurationError.self) {
            try assignment(endpoint: Google_Protobuf_Any(typeName: "a.b.C", bytes: []), locality: nil)
        }
        #expect(error?.problems.map(\.path) == ["endpoints[0].lb_endpoints[0].\(place)"])
        let empty = try any(Envoy_Config_Core_V3_Address())
        let other = #expect(throws: ConfigurationError.self) { try assignment(endpoint: nil, locality: empty) }
        #expect(other?.problems.map(\.path) == ["endpoints[0].\(place)"])
    }
}
