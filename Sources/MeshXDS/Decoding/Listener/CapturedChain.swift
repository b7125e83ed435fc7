// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// What a listener does with plaintext HTTP that a process sends, where a proxy takes its connections: the shape in which
/// Istio tells sidecars of services.
///
/// A mesh takes no connections but knows its requests: they are plaintext HTTP, and what is for others is passed over.
struct CapturedChain {
    private typealias Match = Envoy_Config_Listener_V3_FilterChainMatch
    private typealias HTTPConnections =
        Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
    private static let read = ReadFields(
        Envoy_Config_Listener_V3_FilterChain.self,
        "filter_chain_match",
        "filters",
        // For people only.
        "name",
        "metadata"
    )
    private static let plaintextProtocols: Set<String> = ["http/1.0", "http/1.1", "h2c"]

    /// Whose connections are taken.
    let address: EndpointAddress
    let connectionManager: Google_Protobuf_Any
    /// Where the connection manager stands.
    let path: FieldPath

    /// Finds the chain.
    /// - Returns: `nil`, with reports, if plaintext HTTP meets none that routes requests.
    init?(_ message: Envoy_Config_Listener_V3_Listener, _ context: inout DecodingContext) {
        let root = FieldPath.root
        guard case .socketAddress(let socket) = message.address.address, socket.portValue > 0 else {
            context.ignore(root["address"], "the mesh has no requests to addresses without a port")
            return nil
        }
        for position in message.listenerFilters.indices {
            context.ignore(root["listener_filters", position], "there are no connections to inspect")
        }
        guard let address = EndpointAddress(message.address, at: root["address"], &context) else { return nil }
        var chains = message.filterChains.enumerated().map { ($1, root["filter_chains", $0]) }
        if message.hasDefaultFilterChain { chains.append((message.defaultFilterChain, root["default_filter_chain"])) }
        var found: (config: Google_Protobuf_Any, path: FieldPath)?
        for (chain, path) in chains {
            guard found == nil, Self.takesPlaintextHTTP(chain.filterChainMatch),
                let last = chain.filters.last, case .typedConfig(let config) = last.configType,
                typeName(ofTypeURL: config.typeURL) == HTTPConnections.protoMessageName
            else {
                context.ignore(path, "is for other connections than those of plaintext HTTP")
                continue
            }
            context.ignoreOthers(in: chain, at: path, read: Self.read)
            for position in chain.filters.indices.dropLast() {
                context.ignore(path["filters", position], "there are no connections to filter")
            }
            found = (config, path["filters", chain.filters.count - 1]["typed_config"])
        }
        guard let found else { return nil }
        self.address = address
        connectionManager = found.config
        path = found.path
    }

    private static func takesPlaintextHTTP(_ match: Match) -> Bool {
        guard ["", "raw_buffer"].contains(match.transportProtocol),
            match.applicationProtocols.isEmpty || !plaintextProtocols.isDisjoint(with: match.applicationProtocols)
        else { return false }
        var rest = match
        rest.transportProtocol = ""
        rest.applicationProtocols = []
        return rest == Match()
    }
}
