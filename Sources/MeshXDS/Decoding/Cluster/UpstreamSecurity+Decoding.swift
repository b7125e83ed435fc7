// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension Cluster.UpstreamSecurity {
    private static let readMatch = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.TransportSocketMatch.self,
        "name",
        "match",
        "transport_socket"
    )

    /// Decodes how connections are protected: one socket for all endpoints, or Istio's choice by `tlsMode`.
    init?(_ message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        var fallback = TransportSecurity.plaintext
        if message.hasTransportSocket {
            let path = FieldPath.root["transport_socket"]
            guard let security = TransportSecurity(message.transportSocket, at: path, &context) else { return nil }
            fallback = security
        }
        var marked: TransportSecurity?
        loop: for (position, match) in message.transportSocketMatches.enumerated() {
            let path = FieldPath.root["transport_socket_matches", position]
            context.ignoreOthers(in: match, at: path, read: Self.readMatch)
            let socket = path["transport_socket"]
            guard let security = TransportSecurity(match.transportSocket, at: socket, &context) else { return nil }
            switch match.match {
            case MutualTLSMetadata.criteria: if marked == nil { marked = security }
            case Google_Protobuf_Struct():
                // It takes every endpoint that comes so far: nothing after it has an effect.
                fallback = security
                break loop
            default:
                context.reject(path["match"], "only tlsMode: istio, and no criteria at all, are supported")
                return nil
            }
        }
        switch (marked, fallback) {
        case (nil, .plaintext), (.plaintext, .plaintext): self = .plaintext
        case (nil, .mutualTLS(let identities)): self = .mutualTLS(acceptedIdentities: identities)
        case (.mutualTLS(let identities), .plaintext): self = .automatic(acceptedIdentities: identities)
        case (.mutualTLS(let identities), .mutualTLS(let others)) where identities == others:
            self = .mutualTLS(acceptedIdentities: identities)
        default:
            context.reject(
                FieldPath.root["transport_socket_matches"],
                "endpoints with tlsMode: istio must have mutual TLS, the others the same or none"
            )
            return nil
        }
    }
}

/// What a transport socket of a cluster does.
private enum TransportSecurity: Equatable {
    case plaintext
    case mutualTLS(identities: [String])

    init?(
        _ message: Envoy_Config_Core_V3_TransportSocket,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        let path = path["typed_config"]
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
            guard let identities = tls.commonTlsContext.acceptedIdentities(at: common, &context) else { return nil }
            self = .mutualTLS(identities: identities)
        case TransportSocketNames.rawBufferType: self = .plaintext
        case "" where message.name == TransportSocketNames.rawBuffer: self = .plaintext
        default:
            context.reject(path, "the transport socket \(type.isEmpty ? message.name : type) is not supported")
            return nil
        }
    }

    private static let read = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext.self,
        "common_tls_context"
    )
}

/// The names of transport sockets.
enum TransportSocketNames {
    static let tls = "envoy.transport_sockets.tls"
    static let rawBuffer = "envoy.transport_sockets.raw_buffer"
    static let rawBufferType = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
}
