// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

/// The one filter chain of a server's listener that is used, by the rules of gRFC A36.
struct ServerChain {
    let address: EndpointAddress
    let security: Listener.InboundSecurity
    let secrets: SecretReference?
    let connectionManager: HTTPConnectionManager

    private static let readChain = ReadFields(
        Envoy_Config_Listener_V3_FilterChain.self,
        "filter_chain_match",
        "filters",
        "transport_socket",
        // For people only.
        "name",
        "metadata"
    )
    private static let readTLS = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext.self,
        "common_tls_context",
        "require_client_certificate"
    )

    /// Finds and decodes the chain.
    /// - Returns: `nil`, with a problem, if there is none, or if several would be needed.
    init?(_ message: Envoy_Config_Listener_V3_Listener, _ context: inout DecodingContext) {
        let root = FieldPath.root
        if !message.listenerFilters.isEmpty { context.reject(root["listener_filters"], "is not supported") }
        if message.useOriginalDst.value { context.reject(root["use_original_dst"], "is not supported") }
        guard let address = EndpointAddress(message.address, at: root["address"], &context),
            let (chain, path) = Self.chain(message, &context)
        else { return nil }
        context.ignoreOthers(in: chain, at: path, read: Self.readChain)
        guard let security = Self.security(chain, at: path, &context) else { return nil }
        guard chain.filters.count == 1, let filter = chain.filters.first else {
            context.reject(path["filters"], "must be one HTTP connection manager, has \(chain.filters.count) filters")
            return nil
        }
        guard case .typedConfig(let config) = filter.configType else {
            context.reject(path["filters", 0]["typed_config"], "is missing")
            return nil
        }
        let configPath = path["filters", 0]["typed_config"]
        guard let connectionManager = HTTPConnectionManager(config, at: configPath, &context) else { return nil }
        self.address = address
        (self.security, self.secrets) = security
        self.connectionManager = connectionManager
    }

    private static func chain(
        _ message: Envoy_Config_Listener_V3_Listener,
        _ context: inout DecodingContext
    ) -> (Envoy_Config_Listener_V3_FilterChain, FieldPath)? {
        let root = FieldPath.root
        var chosen: (Envoy_Config_Listener_V3_FilterChain, FieldPath)?
        for (position, chain) in message.filterChains.enumerated() {
            let path = root["filter_chains", position]
            let match = chain.filterChainMatch
            if neverMatches(match) {
                context.ignore(path, "never matches (gRFC A36)")
                continue
            }
            // Leaving the conditions out would give some connections the rules of others.
            var plain = match
            plain.transportProtocol = ""
            guard plain == Envoy_Config_Listener_V3_FilterChainMatch() else {
                context.reject(path["filter_chain_match"], "is not supported")
                return nil
            }
            guard chosen == nil else {
                context.reject(path["filter_chain_match"], "matches the same connections as an earlier chain")
                return nil
            }
            chosen = (chain, path)
        }
        if let chosen { return chosen }
        if message.hasDefaultFilterChain { return (message.defaultFilterChain, root["default_filter_chain"]) }
        context.reject(root["filter_chains"], "has no chain that matches")
        return nil
    }

    /// Conditions that no connection meets: it has no server name or protocol before TLS is spoken.
    private static func neverMatches(_ match: Envoy_Config_Listener_V3_FilterChainMatch) -> Bool {
        match.hasDestinationPort || !match.serverNames.isEmpty || !match.applicationProtocols.isEmpty
            || !["", "raw_buffer"].contains(match.transportProtocol)
    }

    private static func security(
        _ chain: Envoy_Config_Listener_V3_FilterChain,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> (Listener.InboundSecurity, SecretReference?)? {
        guard chain.hasTransportSocket else { return (.plaintext, nil) }
        let path = path["transport_socket"]["typed_config"]
        let config = chain.transportSocket.typedConfig
        let type = typeName(ofTypeURL: config.typeURL)
        if type == TransportSocketNames.rawBufferType { return (.plaintext, nil) }
        guard type == Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext.protoMessageName else {
            context.reject(path, "the transport socket \(type) is not supported")
            return nil
        }
        guard
            let tls = context.unpack(
                config,
                as: Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext.self,
                at: path
            )
        else { return nil }
        context.ignoreOthers(in: tls, at: path, read: readTLS)
        guard tls.requireClientCertificate.value else {
            context.reject(path["require_client_certificate"], "must be true: TLS is mutual here")
            return nil
        }
        if tls.requireSni.value { context.reject(path["require_sni"], "is not supported") }
        if tls.ocspStaplePolicy != .lenientStapling { context.reject(path["ocsp_staple_policy"], "is not supported") }
        let common = path["common_tls_context"]
        guard let meaning = tls.commonTlsContext.meaning(at: common, &context) else { return nil }
        guard meaning.identities.isEmpty else {
            context.reject(common, "peers are told apart by authorization, not by the listener")
            return nil
        }
        if let secrets = meaning.secrets, secrets.certificate == nil {
            context.reject(common["tls_certificate_sds_secret_configs"], "is empty: a server shows a certificate")
            return nil
        }
        return (.mutualTLS, meaning.secrets)
    }
}
