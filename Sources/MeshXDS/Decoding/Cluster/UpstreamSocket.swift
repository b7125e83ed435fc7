// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

/// What a transport socket of a cluster does.
struct UpstreamSocket: Equatable {
    enum Security: Equatable {
        case plaintext
        case mutualTLS(MutualTLSMeaning, serverName: String?)
    }

    /// The name that a handshake asks for.
    var serverName: String? {
        if case .mutualTLS(_, let serverName) = security { serverName } else { nil }
    }

    /// The secrets that protect in place of the process's own identity.
    var secrets: SecretReference? {
        if case .mutualTLS(let meaning, _) = security { meaning.secrets } else { nil }
    }

    /// Names by other comparisons than of whole URIs.
    var names: [PeerNameMatcher] {
        if case .mutualTLS(let meaning, _) = security { meaning.names } else { [] }
    }

    static let plaintext = UpstreamSocket(security: .plaintext, proxy: .direct)

    var security: Security
    /// Through which proxy it goes.
    var proxy: Cluster.Proxy

    private init(security: Security, proxy: Cluster.Proxy) {
        self.security = security
        self.proxy = proxy
    }

    /// Decodes a socket, which one for a proxy may be wrapped around.
    init?(
        _ message: Envoy_Config_Core_V3_TransportSocket,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        typealias Proxy = Envoy_Extensions_TransportSockets_Http11Proxy_V3_Http11ProxyUpstreamTransport
        let config = path["typed_config"]
        guard typeName(ofTypeURL: message.typedConfig.typeURL) == Proxy.protoMessageName else {
            guard let security = Security(message, at: config, &context) else { return nil }
            self.init(security: security, proxy: .direct)
            return
        }
        guard let proxy = context.unpack(message.typedConfig, as: Proxy.self, at: config) else { return nil }
        context.ignoreOthers(in: proxy, at: config, read: Self.readProxy)
        guard proxy.hasTransportSocket else {
            context.reject(config["transport_socket"], "is missing")
            return nil
        }
        let inner = config["transport_socket"]["typed_config"]
        guard let security = Security(proxy.transportSocket, at: inner, &context) else { return nil }
        guard proxy.hasDefaultProxyAddress else {
            self.init(security: security, proxy: .ofEndpoint)
            return
        }
        let place = config["default_proxy_address"]
        guard let address = EndpointAddress(proxy.defaultProxyAddress, at: place, &context) else { return nil }
        self.init(security: security, proxy: .address(address))
    }

    private static let readProxy = ReadFields(
        Envoy_Extensions_TransportSockets_Http11Proxy_V3_Http11ProxyUpstreamTransport.self,
        "transport_socket",
        "default_proxy_address"
    )
}

extension UpstreamSocket.Security {
    private static let read = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext.self,
        "common_tls_context",
        "sni"
    )

    fileprivate init?(
        _ message: Envoy_Config_Core_V3_TransportSocket,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let type = typeName(ofTypeURL: message.typedConfig.typeURL)
        switch type {
        case Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext.protoMessageName:
            guard
                let tls = context.unpack(
                    message.typedConfig,
                    as: Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext.self,
                    at: path
                )
            else { return nil }
            context.ignoreOthers(in: tls, at: path, read: Self.read)
            let common = path["common_tls_context"]
            guard let meaning = tls.commonTlsContext.meaning(at: common, &context) else { return nil }
            guard tls.sni.isEmpty || Cluster.isServerName(tls.sni) else {
                context.reject(path["sni"], "must be a DNS name of at most 255 bytes, is \"\(tls.sni)\"")
                return nil
            }
            self = .mutualTLS(meaning, serverName: tls.sni.isEmpty ? nil : tls.sni)
        case TransportSocketNames.rawBufferType: self = .plaintext
        case "" where message.name == TransportSocketNames.rawBuffer: self = .plaintext
        default:
            context.reject(path, "the transport socket \(type.isEmpty ? message.name : type) is not supported")
            return nil
        }
    }
}

/// The names of transport sockets.
enum TransportSocketNames {
    static let tls = "envoy.transport_sockets.tls"
    static let rawBuffer = "envoy.transport_sockets.raw_buffer"
    static let rawBufferType = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    static let proxy = "envoy.transport_sockets.http_11_proxy"
}
