// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import SwiftProtobuf

extension Listener {
    private static let read = ReadFields(
        Envoy_Config_Listener_V3_Listener.self,
        "name",
        "address",
        "filter_chains",
        "default_filter_chain",
        "api_listener",
        "listener_filters",
        "use_original_dst",
        // Connections are the application's business; the rest is for statistics and people, but for our key.
        "bind_to_port",
        "listener_filters_timeout",
        "continue_on_listener_filters_timeout",
        "traffic_direction",
        "stat_prefix",
        "metadata"
    )

    /// Decodes a listener, or finds that it is of no use to a mesh.
    static func resource(
        _ message: Envoy_Config_Listener_V3_Listener,
        _ context: inout DecodingContext
    ) -> XDSResource? {
        guard context.rules == .envoy, !message.hasApiListener, message.hasAddress else {
            return Listener(message, &context).map(XDSResource.listener)
        }
        if message.useOriginalDst.value {
            let reason = "the listener is for connections that the system sends to a proxy; the mesh has none of them"
            context.ignore(FieldPath.root["use_original_dst"], reason)
            return .unused(.listener, name: message.name.canonicalResourceName)
        }
        guard message.trafficDirection == .outbound else {
            return Listener(message, &context).map(XDSResource.listener)
        }
        context.ignoreOthers(in: message, at: .root, read: Self.read)
        guard let chain = CapturedChain(message, &context) else {
            return .unused(.listener, name: message.name.canonicalResourceName)
        }
        let decoded = HTTPConnectionManager(chain.connectionManager, at: chain.path, &context)
        return decoded.map { connectionManager in
            var listener = Listener(
                name: message.name.canonicalResourceName,
                filters: DenialMessages.add(from: message.metadata, to: connectionManager.filters),
                routes: connectionManager.routes,
                capturedAddress: chain.address
            )
            listener.maximumStreamDuration = connectionManager.maximumStreamDuration
            return .listener(listener)
        }
    }

    /// Decodes a listener: a client's, which listens to nothing, or a server's (gRFC A36).
    init?(_ message: Envoy_Config_Listener_V3_Listener, _ context: inout DecodingContext) {
        let path = FieldPath.root
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let connectionManager: HTTPConnectionManager
        let direction: Direction
        var secrets: SecretReference?
        var peerNames: [PeerNameMatcher] = []
        var forwardedFor = ForwardedFor.connection
        if message.hasApiListener {
            let path = path["api_listener"]["api_listener"]
            guard let decoded = HTTPConnectionManager(message.apiListener.apiListener, at: path, &context) else {
                return nil
            }
            connectionManager = decoded
            direction = .outbound
        } else if message.hasAddress {
            guard let server = ServerChain(message, &context) else { return nil }
            connectionManager = server.connectionManager
            direction = .inbound(address: server.address, security: server.security)
            secrets = server.secrets
            peerNames = server.peerNames
            forwardedFor = server.connectionManager.forwardedFor
            if connectionManager.maximumStreamDuration != nil {
                context.ignore(path["filter_chains"], "bounds streams, which here only callers do")
            }
        } else {
            context.reject(path, "has neither an api_listener nor an address")
            return nil
        }
        self.init(
            name: message.name.canonicalResourceName,
            direction: direction,
            filters: DenialMessages.add(from: message.metadata, to: connectionManager.filters),
            routes: connectionManager.routes,
            secrets: secrets,
            peerNames: peerNames,
            forwardedFor: forwardedFor
        )
        if case .outbound = direction { maximumStreamDuration = connectionManager.maximumStreamDuration }
    }
}

/// What refused callers are told, by authorization policy: our own setting, in the listener's metadata, since xDS has no
/// field for it.
enum DenialMessages {
    private static let namespace = "swift-service-mesh.rbac"

    /// The filters with their messages.
    static func add(from metadata: Envoy_Config_Core_V3_Metadata, to filters: [HTTPFilter]) -> [HTTPFilter] {
        guard let messages = metadata.filterMetadata[namespace]?.fields, !messages.isEmpty else { return filters }
        return filters.map { filter in
            guard case .authorization(var filter) = filter, var rules = filter.rules else { return filter }
            for position in rules.policies.indices {
                guard case .stringValue(let message) = messages[rules.policies[position].name]?.kind else { continue }
                rules.policies[position].denialMessage = message
            }
            filter.rules = rules
            return .authorization(filter)
        }
    }

    /// Puts the messages of the filters into the metadata.
    static func set(from filters: [HTTPFilter], in metadata: inout Envoy_Config_Core_V3_Metadata) {
        for case .authorization(let filter) in filters {
            for policy in filter.rules?.policies ?? [] {
                guard let message = policy.denialMessage else { continue }
                metadata.filterMetadata[namespace, default: Google_Protobuf_Struct()].fields[policy.name] =
                    Google_Protobuf_Value(stringValue: message)
            }
        }
    }
}
