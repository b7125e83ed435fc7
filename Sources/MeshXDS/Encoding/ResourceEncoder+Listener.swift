// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshSecurity
import SwiftProtobuf

extension ResourceEncoder {
    private typealias HTTPConnectionManagerMessage =
        Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
    private typealias HTTPFilterMessage = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter

    /// Encodes a listener.
    func listener(_ listener: Listener) throws -> Envoy_Config_Listener_V3_Listener {
        var message = Envoy_Config_Listener_V3_Listener()
        message.name = listener.name
        DenialMessages.set(from: listener.filters, in: &message.metadata)
        if message.metadata.filterMetadata.isEmpty { message.clearMetadata() }
        let connectionManager = try Google_Protobuf_Any(packing: try connectionManager(listener))
        switch listener.direction {
        case .outbound:
            guard let address = listener.capturedAddress else {
                message.apiListener.apiListener = connectionManager
                break
            }
            message.address = Envoy_Config_Core_V3_Address(address)
            message.trafficDirection = .outbound
            message.bindToPort = Google_Protobuf_BoolValue(false)
            message.filterChains = [Self.chain(connectionManager)]
        case .inbound(let address, let security):
            message.address = Envoy_Config_Core_V3_Address(address)
            message.trafficDirection = .inbound
            var chain = Self.chain(connectionManager)
            let plaintext = chain
            if security.takesTLS { chain.transportSocket = try downstreamTLS(listener, security) }
            message.filterChains = [chain]
            guard security == .permissive else { break }
            message.filterChains = [chain, plaintext]
            message.filterChains[0].name = "tls"
            message.filterChains[0].filterChainMatch.transportProtocol = "tls"
            message.filterChains[1].name = "plaintext"
            message.filterChains[1].filterChainMatch.transportProtocol = "raw_buffer"
            // Envoy looks at the first bytes only where somebody does it.
            var inspector = Envoy_Config_Listener_V3_ListenerFilter()
            inspector.name = "envoy.filters.listener.tls_inspector"
            let type = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
            inspector.typedConfig = Google_Protobuf_Any(typeName: type, bytes: [])
            message.listenerFilters = [inspector]
        }
        return message
    }

    private static func chain(_ connectionManager: Google_Protobuf_Any) -> Envoy_Config_Listener_V3_FilterChain {
        var filter = Envoy_Config_Listener_V3_Filter()
        filter.name = "envoy.filters.network.http_connection_manager"
        filter.typedConfig = connectionManager
        var chain = Envoy_Config_Listener_V3_FilterChain()
        chain.filters = [filter]
        return chain
    }

    private func connectionManager(_ listener: Listener) throws -> HTTPConnectionManagerMessage {
        var message = HTTPConnectionManagerMessage()
        message.statPrefix = listener.name
        switch listener.routes {
        case .named(let name):
            message.rds.routeConfigName = name
            message.rds.configSource = .aggregated
        case .inline(let routes): message.routeConfig = try routeConfiguration(routes)
        }
        message.httpFilters = try filters(listener)
        if case .outbound = listener.direction, let longest = listener.maximumStreamDuration {
            message.commonHTTPProtocolOptions.maxStreamDuration = Google_Protobuf_Duration(longest)
        }
        if case .inbound = listener.direction {
            // Without it Envoy, and our own decoder, believe the header.
            if listener.forwardedFor.usesConnection { message.useRemoteAddress = Google_Protobuf_BoolValue(true) }
            // gRPC refuses any other number.
            if dialect != .grpc { message.xffNumTrustedHops = listener.forwardedFor.trustedHops }
        }
        return message
    }

    private func filters(_ listener: Listener) throws -> [HTTPFilterMessage] {
        var filters: [HTTPFilterMessage] = []
        var counts: [String: Int] = [:]
        func add(_ config: Google_Protobuf_Any, named own: String = "") {
            let name = FilterNames.name(ofType: typeName(ofTypeURL: config.typeURL))
            let count = counts[name, default: 0] + 1
            counts[name] = count
            var filter = HTTPFilterMessage()
            // Names are unique in a chain; settings of routes go to the first filter of their kind.
            filter.name = !own.isEmpty ? own : count == 1 ? name : "\(name).\(count)"
            filter.typedConfig = config
            filters.append(filter)
        }
        for anchor in try anchors(listener) { add(anchor) }
        for filter in listener.filters.flatMap(\.split) {
            for codec in registry.filters {
                guard let config = try codec.encode(filter) else { continue }
                add(config, named: filter.ownName)
                break
            }
        }
        add(try RouterCodec.encoded())
        return filters
    }

    /// Filters that do nothing of their own: Envoy and gRPC apply a route's settings only where the listener has the
    /// filter.
    private func anchors(_ listener: Listener) throws -> [Google_Protobuf_Any] {
        guard dialect != .own else { return [] }
        var anchors: [Google_Protobuf_Any] = []
        if dialect == .envoy { anchors.append(try CORSCodec.encodedAnchor()) }
        let hasFault = listener.filters.contains { if case .fault = $0 { true } else { false } }
        if !hasFault, dialect == .envoy || listener.direction == .outbound {
            anchors.append(try FaultCodec.encoded(.init()))
        }
        let hasRateLimit = listener.filters.contains { filter in
            switch filter {
            case .rateLimit, .localRateLimit: true
            default: false
            }
        }
        if !hasRateLimit, dialect == .envoy { anchors.append(try RateLimitCodec.encodedAnchor()) }
        return anchors
    }

    private func downstreamTLS(
        _ listener: Listener,
        _ security: Listener.InboundSecurity
    ) throws -> Envoy_Config_Core_V3_TransportSocket {
        var tls = Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext()
        tls.commonTlsContext = .init(
            acceptedIdentities: [],
            names: listener.peerNames,
            secrets: listener.secrets
        )
        if security != .tls { tls.requireClientCertificate = true }
        return try Envoy_Config_Core_V3_TransportSocket(tls: tls)
    }
}

extension HTTPFilter {
    /// The name by which routes mean it; empty for that of its kind.
    fileprivate var ownName: String {
        if case .authorization(let filter) = self { filter.name } else { "" }
    }

    /// The filter as those that xDS has a message for: one for each policy.
    fileprivate var split: [HTTPFilter] {
        guard case .policies(let policies) = self else { return [self] }
        var filters: [HTTPFilter] = []
        if let control = policies.admissionControl { filters.append(.policies(.init(admissionControl: control))) }
        if let limit = policies.adaptiveLimit { filters.append(.policies(.init(adaptiveLimit: limit))) }
        return filters
    }
}

/// The names of HTTP filters by their types; routes refer to filters by them.
enum FilterNames {
    static let fault = "envoy.filters.http.fault"
    static let rateLimit = "envoy.filters.http.local_ratelimit"
    static let admissionControl = "envoy.filters.http.admission_control"
    static let adaptiveConcurrency = "envoy.filters.http.adaptive_concurrency"
    static let cors = "envoy.filters.http.cors"
    static let globalRateLimit = "envoy.filters.http.ratelimit"
    static let headerMutation = "envoy.filters.http.header_mutation"
    static let external = "envoy.filters.http.ext_authz"
    static let jwt = "envoy.filters.http.jwt_authn"
    static let buffer = "envoy.filters.http.buffer"
    static let statefulSession = "envoy.filters.http.stateful_session"

    private static let types = [
        cors: Envoy_Extensions_Filters_Http_Cors_V3_Cors.protoMessageName,
        globalRateLimit: Envoy_Extensions_Filters_Http_Ratelimit_V3_RateLimit.protoMessageName,
        headerMutation: Envoy_Extensions_Filters_Http_HeaderMutation_V3_HeaderMutation.protoMessageName,
        external: Envoy_Extensions_Filters_Http_ExtAuthz_V3_ExtAuthz.protoMessageName,
        jwt: Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtAuthentication.protoMessageName,
        buffer: Envoy_Extensions_Filters_Http_Buffer_V3_Buffer.protoMessageName,
        statefulSession: Envoy_Extensions_Filters_Http_StatefulSession_V3_StatefulSession.protoMessageName,
        fault: Envoy_Extensions_Filters_Http_Fault_V3_HTTPFault.protoMessageName,
        rateLimit: Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit.protoMessageName,
        "envoy.filters.http.rbac": Envoy_Extensions_Filters_Http_Rbac_V3_RBAC.protoMessageName,
        "envoy.filters.http.router": Envoy_Extensions_Filters_Http_Router_V3_Router.protoMessageName,
        admissionControl:
            Envoy_Extensions_Filters_Http_AdmissionControl_V3_AdmissionControl.protoMessageName,
        adaptiveConcurrency:
            Envoy_Extensions_Filters_Http_AdaptiveConcurrency_V3_AdaptiveConcurrency.protoMessageName,
    ]
    private static let names = Dictionary(uniqueKeysWithValues: types.map { ($0.value, $0.key) })

    /// The name of a filter with a message of that type; the type itself for those that have no well-known name.
    static func name(ofType type: String) -> String { names[type] ?? type }

    /// The type of the message of a filter with a well-known name.
    static func type(named name: String) -> String? { types[name] }
}

extension Envoy_Config_Core_V3_ConfigSource {
    /// This very stream.
    static var aggregated: Self {
        var source = Self()
        source.ads = Envoy_Config_Core_V3_AggregatedConfigSource()
        source.resourceApiVersion = .v3
        return source
    }
}

extension Envoy_Config_Core_V3_TransportSocket {
    /// A socket that speaks TLS as the context says.
    init(tls context: some Message) throws {
        self.init()
        name = TransportSocketNames.tls
        typedConfig = try Google_Protobuf_Any(packing: context)
    }
}
