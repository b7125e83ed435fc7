// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite struct ServerNameDecodingTests {
    private func socket(_ serverName: String) throws -> Envoy_Config_Core_V3_TransportSocket {
        var tls = Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext()
        tls.commonTlsContext = .init(acceptedIdentities: ["spiffe://a/b"])
        tls.sni = serverName
        return try Envoy_Config_Core_V3_TransportSocket(tls: tls)
    }

    private func match(
        _ criteria: Google_Protobuf_Struct,
        _ socket: Envoy_Config_Core_V3_TransportSocket
    ) -> Envoy_Config_Cluster_V3_Cluster.TransportSocketMatch {
        var match = Envoy_Config_Cluster_V3_Cluster.TransportSocketMatch()
        match.match = criteria
        match.transportSocket = socket
        return match
    }

    private func decode(_ change: (inout Envoy_Config_Cluster_V3_Cluster) throws -> Void) throws -> Cluster {
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

    @Test func `the name stands in the TLS context, apart from the addresses`() throws {
        #expect(try decode { $0.transportSocket = try socket("reviews.example") }.serverName == "reviews.example")
        #expect(try decode { $0.transportSocket = try socket("") }.serverName == nil)
        let marked = try decode {
            $0.transportSocketMatches = [match(MutualTLSMetadata.criteria, try socket("reviews.example"))]
        }
        #expect(marked.serverName == "reviews.example")
        #expect(marked.upstreamSecurity == .automatic(acceptedIdentities: ["spiffe://a/b"]))
    }

    @Test func `what is no name is refused`() throws {
        for name in ["10.0.0.1", "a b", "a..b"] {
            let error = #expect(throws: ConfigurationError.self) {
                try decode { $0.transportSocket = try socket(name) }
            }
            #expect(error?.problems.map(\.path) == ["transport_socket.typed_config.sni"])
        }
    }

    @Test func `endpoints with the same identities and other names are refused`() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try decode {
                $0.transportSocketMatches = [
                    match(MutualTLSMetadata.criteria, try socket("a.example")),
                    match(Google_Protobuf_Struct(), try socket("b.example")),
                ]
            }
        }
        #expect(error?.problems.map(\.path) == ["transport_socket_matches"])
    }

    @Test func `it is sent to our own clients, and to those without TLS it is not`() throws {
        let cluster = Cluster(
            name: "c",
            upstreamSecurity: .automatic(acceptedIdentities: []),
            serverName: "reviews.example"
        )
        for dialect in [Dialect.own, .envoy, .grpc] {
            let output = ResourceEncoder(dialect: dialect).encode(MeshResources(clusters: [cluster]))
            let packed = try #require(output.resources[.cluster]?["c"])
            let decoded = try ResourceDecoder().decode(packed, as: .cluster).result.get()
            guard case .cluster(let arrived) = decoded.resource else { throw CancellationError() }
            #expect(arrived.serverName == (dialect == .own ? "reviews.example" : nil))
        }
    }
}
