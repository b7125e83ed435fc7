// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

/// How the endpoints of a cluster are reached: through which transport sockets, and through which proxy.
struct UpstreamTransport {
    private static let readMatch = ReadFields(
        Envoy_Config_Cluster_V3_Cluster.TransportSocketMatch.self,
        "name",
        "match",
        "transport_socket"
    )

    let security: Cluster.UpstreamSecurity
    let serverName: String?
    let secrets: SecretReference?
    let names: [PeerNameMatcher]
    let proxy: Cluster.Proxy

    /// Decodes one socket for all endpoints, or Istio's choice by `tlsMode`.
    init?(_ message: Envoy_Config_Cluster_V3_Cluster, _ context: inout DecodingContext) {
        var fallback = UpstreamSocket.plaintext
        if message.hasTransportSocket {
            let path = FieldPath.root["transport_socket"]
            guard let socket = UpstreamSocket(message.transportSocket, at: path, &context) else { return nil }
            fallback = socket
        }
        var marked: UpstreamSocket?
        loop: for (position, match) in message.transportSocketMatches.enumerated() {
            let path = FieldPath.root["transport_socket_matches", position]
            context.ignoreOthers(in: match, at: path, read: Self.readMatch)
            guard let socket = UpstreamSocket(match.transportSocket, at: path["transport_socket"], &context) else {
                return nil
            }
            switch match.match {
            case MutualTLSMetadata.criteria: if marked == nil { marked = socket }
            case Google_Protobuf_Struct():
                // It takes every endpoint that comes so far: nothing after it has an effect.
                fallback = socket
                break loop
            default:
                context.reject(path["match"], "only tlsMode: istio, and no criteria at all, are supported")
                return nil
            }
        }
        let matches = FieldPath.root["transport_socket_matches"]
        guard let security = Self.security(marked: marked?.security, fallback: fallback.security) else {
            context.reject(matches, "endpoints with tlsMode: istio must have mutual TLS, the others the same or none")
            return nil
        }
        if let marked, marked.proxy != fallback.proxy {
            context.reject(matches, "a proxy for some of the endpoints only is not supported")
            return nil
        }
        self.security = security
        self.serverName = (marked ?? fallback).serverName
        self.secrets = (marked ?? fallback).secrets
        self.names = (marked ?? fallback).names
        self.proxy = fallback.proxy
    }

    private static func security(
        marked: UpstreamSocket.Security?,
        fallback: UpstreamSocket.Security
    ) -> Cluster.UpstreamSecurity? {
        switch (marked, fallback) {
        case (nil, .plaintext), (.plaintext, .plaintext): .plaintext
        case (nil, .mutualTLS(let meaning, _)): .mutualTLS(acceptedIdentities: meaning.identities)
        case (.mutualTLS(let meaning, _), .plaintext): .automatic(acceptedIdentities: meaning.identities)
        case (.mutualTLS(let meaning, _), .mutualTLS) where marked == fallback:
            .mutualTLS(acceptedIdentities: meaning.identities)
        default: nil
        }
    }
}
