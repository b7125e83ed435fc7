// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension ResourceEncoder {
    /// Encodes how a cluster's connections are protected, through which proxy they go, and how they are kept.
    func encodeConnections(of cluster: Cluster, into message: inout Envoy_Config_Cluster_V3_Cluster) throws {
        switch cluster.upstreamSecurity {
        case .plaintext:
            if cluster.proxy != .direct { message.transportSocket = try socket(Self.plaintext, for: cluster) }
        case .mutualTLS(let identities):
            message.transportSocket = try socket(try Self.upstreamTLS(identities, cluster), for: cluster)
        case .automatic(let identities):
            var secured = Envoy_Config_Cluster_V3_Cluster.TransportSocketMatch()
            secured.name = "tlsMode-istio"
            secured.match = MutualTLSMetadata.criteria
            secured.transportSocket = try socket(try Self.upstreamTLS(identities, cluster), for: cluster)
            var plain = Envoy_Config_Cluster_V3_Cluster.TransportSocketMatch()
            plain.name = "tlsMode-disabled"
            plain.match = Google_Protobuf_Struct()
            plain.transportSocket = try socket(Self.plaintext, for: cluster)
            message.transportSocketMatches = [secured, plain]
        }
        // gRPC speaks HTTP/2 in its own way and reads none of the rest.
        guard dialect != .grpc else { return }
        let options = Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions(cluster.connection)
        if options != Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions(ConnectionOptions()) {
            let name = Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions.protoMessageName
            message.typedExtensionProtocolOptions[name] = try Google_Protobuf_Any(packing: options)
        }
        if cluster.connection.preconnectRatio != 1 {
            message.preconnectPolicy.perUpstreamPreconnectRatio =
                Google_Protobuf_DoubleValue(cluster.connection.preconnectRatio)
        }
    }

    /// A socket, inside one for the proxy if the cluster has one.
    private func socket(
        _ inner: Envoy_Config_Core_V3_TransportSocket,
        for cluster: Cluster
    ) throws -> Envoy_Config_Core_V3_TransportSocket {
        guard cluster.proxy != .direct else { return inner }
        var proxy = Envoy_Extensions_TransportSockets_Http11Proxy_V3_Http11ProxyUpstreamTransport()
        proxy.transportSocket = inner
        if case .address(let address) = cluster.proxy {
            proxy.defaultProxyAddress = Envoy_Config_Core_V3_Address(address)
        }
        var outer = Envoy_Config_Core_V3_TransportSocket()
        outer.name = TransportSocketNames.proxy
        outer.typedConfig = try Google_Protobuf_Any(packing: proxy)
        return outer
    }

    private static var plaintext: Envoy_Config_Core_V3_TransportSocket {
        var socket = Envoy_Config_Core_V3_TransportSocket()
        socket.name = TransportSocketNames.rawBuffer
        socket.typedConfig = Google_Protobuf_Any(typeName: TransportSocketNames.rawBufferType, bytes: [])
        return socket
    }

    private static func upstreamTLS(
        _ identities: [String],
        _ cluster: Cluster
    ) throws -> Envoy_Config_Core_V3_TransportSocket {
        var tls = Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext()
        tls.sni = cluster.serverName ?? ""
        tls.commonTlsContext = .init(
            acceptedIdentities: identities,
            names: cluster.peerNames,
            secrets: cluster.secrets
        )
        return try Envoy_Config_Core_V3_TransportSocket(tls: tls)
    }
}
