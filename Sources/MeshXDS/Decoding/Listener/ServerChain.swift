// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

/// The filter chains of a server's listener that are used: one, by the rules of gRFC A36, or one for TLS and one for
/// plaintext that differ in nothing else.
struct ServerChain {
    let address: EndpointAddress
    let security: Listener.InboundSecurity
    let secrets: SecretReference?
    let peerNames: [PeerNameMatcher]
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
    /// Finds and decodes the chains.
    /// - Returns: `nil`, with a problem, if there is none, or if connections would be treated in ways that differ in more
    ///   than in whether they have TLS.
    init?(_ message: Envoy_Config_Listener_V3_Listener, _ context: inout DecodingContext) {
        let root = FieldPath.root
        Self.checkListenerFilters(message, &context)
        if message.useOriginalDst.value { context.reject(root["use_original_dst"], "is not supported") }
        guard let address = EndpointAddress(message.address, at: root["address"], &context),
            let chains = ServerChainChoice(message, &context)
        else { return nil }
        var decoded: [(security: ServerSecurity, connectionManager: HTTPConnectionManager, path: FieldPath)] = []
        for (chain, path) in chains.all {
            context.ignoreOthers(in: chain, at: path, read: Self.readChain)
            guard let security = ServerSecurity(chain, at: path, &context),
                let connectionManager = Self.connectionManager(chain, at: path, &context)
            else { return nil }
            decoded.append((security, connectionManager, path))
        }
        guard let first = decoded.first else { return nil }
        self.address = address
        self.connectionManager = first.connectionManager
        guard decoded.count > 1, let second = decoded.last else {
            (self.security, self.secrets, self.peerNames) = (
                first.security.mode, first.security.secrets, first.security.names
            )
            return
        }
        // The first is for TLS, the second for plaintext.
        switch (first.security.mode, second.security.mode) {
        case (.plaintext, .plaintext): (self.security, self.secrets, self.peerNames) = (.plaintext, nil, [])
        case (.mutualTLS, .plaintext):
            (self.security, self.secrets, self.peerNames) = (.permissive, first.security.secrets, first.security.names)
        case (.tls, .plaintext):
            let path = first.path["transport_socket"]["typed_config"]["require_client_certificate"]
            context.reject(path, "must be true beside a chain for plaintext: no caller would prove anything")
            return nil
        default:
            // Whoever speaks plaintext meets TLS there.
            (self.security, self.secrets, self.peerNames) = (
                first.security.mode, first.security.secrets, first.security.names
            )
            return
        }
        let isSame =
            first.connectionManager.filters == second.connectionManager.filters
            && first.connectionManager.routes == second.connectionManager.routes
            && first.connectionManager.forwardedFor == second.connectionManager.forwardedFor
        guard isSame else {
            context.reject(second.path, "has other filters or routes than the chain for TLS, which is not supported")
            return nil
        }
    }

    /// Those that find out whether a connection begins with TLS, or what it speaks, which is done here in any case.
    private static let inspectors: Set<String> = [
        "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
    ]

    private static func checkListenerFilters(
        _ message: Envoy_Config_Listener_V3_Listener,
        _ context: inout DecodingContext
    ) {
        for (position, filter) in message.listenerFilters.enumerated() {
            let type = typeName(ofTypeURL: filter.typedConfig.typeURL)
            guard context.rules == .envoy, inspectors.contains(type) else {
                context.reject(FieldPath.root["listener_filters", position], "is not supported")
                continue
            }
        }
    }

    private static func connectionManager(
        _ chain: Envoy_Config_Listener_V3_FilterChain,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> HTTPConnectionManager? {
        guard chain.filters.count == 1, let filter = chain.filters.first else {
            context.reject(path["filters"], "must be one HTTP connection manager, has \(chain.filters.count) filters")
            return nil
        }
        guard case .typedConfig(let config) = filter.configType else {
            context.reject(path["filters", 0]["typed_config"], "is missing")
            return nil
        }
        return HTTPConnectionManager(config, at: path["filters", 0]["typed_config"], &context)
    }
}
