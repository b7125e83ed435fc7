// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftProtobuf

@testable import MeshXDS

extension SidecarConfiguration {
    private typealias Chain = Envoy_Config_Listener_V3_FilterChain
    private typealias Listener = Envoy_Config_Listener_V3_Listener

    static func listeners() throws -> [Envoy_Config_Listener_V3_Listener] {
        [
            // Every service whose port 9080 is HTTP by its name; TLS and other protocols go past them.
            try listener("0.0.0.0", 9080, routes: "9080", isSniffed: true),
            // A service whose port says nothing of its protocol.
            try listener("10.96.0.3", 8080, routes: "cache.\(domain):8080", isSniffed: true),
            // A service that does not speak HTTP.
            try listener("10.96.0.9", 5432, routes: nil),
            try virtual("virtualOutbound", 15001, .outbound), try virtual("virtualInbound", 15006, .inbound),
        ]
    }

    private static func listener(
        _ host: String,
        _ port: UInt32,
        routes: String?,
        isSniffed: Bool = false
    ) throws -> Listener {
        var listener = Listener()
        listener.name = "\(host)_\(port)"
        listener.address.socketAddress.address = host
        listener.address.socketAddress.portValue = port
        listener.trafficDirection = .outbound
        listener.bindToPort = Google_Protobuf_BoolValue(false)
        // `continue_on_listener_filters_timeout`, which our messages do not have.
        try listener.merge(serializedBytes: [0x88, 0x01, 0x01])
        listener.listenerFiltersTimeout = Google_Protobuf_Duration()
        var rest = Chain()
        rest.name = "PassthroughFilterChain"
        rest.filters = [networkFilter("istio.stats", "stats.PluginConfig"), tcpProxy]
        guard let routes else {
            listener.filterChains = [rest]
            return listener
        }
        var chain = Chain()
        chain.filterChainMatch.transportProtocol = "raw_buffer"
        chain.filterChainMatch.applicationProtocols = ["http/1.1", "h2c"]
        chain.filters = [try connectionManager(routes, "outbound_\(listener.name);")]
        listener.filterChains = [chain]
        listener.defaultFilterChain = rest
        if isSniffed {
            listener.listenerFilters = ["tls_inspector", "http_inspector"].map { name in
                .with { $0.name = "envoy.filters.listener.\(name)" }
            }
        }
        return listener
    }

    /// Where the system sends every connection that goes out, or comes in.
    private static func virtual(
        _ name: String,
        _ port: UInt32,
        _ direction: Envoy_Config_Core_V3_TrafficDirection
    ) throws -> Listener {
        var listener = Listener()
        listener.name = name
        listener.address.socketAddress.address = "0.0.0.0"
        listener.address.socketAddress.portValue = port
        listener.trafficDirection = direction
        listener.useOriginalDst = Google_Protobuf_BoolValue(true)
        var blackhole = Chain()
        blackhole.name = "\(name)-blackhole"
        blackhole.filterChainMatch.destinationPort = Google_Protobuf_UInt32Value(port)
        blackhole.filters = [tcpProxy]
        var rest = Chain()
        rest.name = direction == .inbound ? "0.0.0.0_9080" : "\(name)-catchall-tcp"
        rest.filters = [networkFilter("istio.metadata_exchange", "udpa.type.v1.TypedStruct")]
        rest.filters.append(direction == .inbound ? try connectionManager("inbound|9080||", "inbound") : tcpProxy)
        listener.filterChains = [blackhole, rest]
        listener.listenerFilters = [.with { $0.name = "envoy.filters.listener.original_dst" }]
        return listener
    }

    private static func connectionManager(
        _ routes: String,
        _ prefix: String
    ) throws -> Envoy_Config_Listener_V3_Filter {
        var message = ConnectionManager()
        message.statPrefix = prefix
        message.rds.configSource = aggregated
        message.rds.routeConfigName = routes
        message.normalizePath = Google_Protobuf_BoolValue(true)
        message.useRemoteAddress = Google_Protobuf_BoolValue(false)
        message.streamIdleTimeout = Google_Protobuf_Duration()
        message.upgradeConfigs = [.with { $0.upgradeType = "websocket" }]
        var exchange = Udpa_Type_V1_TypedStruct()
        exchange.typeURL = "type.googleapis.com/io.istio.http.peer_metadata.Config"
        let filters: [(name: String, config: Google_Protobuf_Any)] = [
            ("istio.metadata_exchange", try Google_Protobuf_Any(packing: exchange)),
            ("envoy.filters.http.grpc_stats", opaque("envoy.extensions.filters.http.grpc_stats.v3.FilterConfig")),
            ("istio.alpn", opaque("istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig")),
            ("envoy.filters.http.fault", opaque("envoy.extensions.filters.http.fault.v3.HTTPFault")),
            ("envoy.filters.http.cors", opaque("envoy.extensions.filters.http.cors.v3.Cors")),
            ("istio.stats", opaque("stats.PluginConfig")),
            ("envoy.filters.http.router", opaque("envoy.extensions.filters.http.router.v3.Router")),
        ]
        message.httpFilters = filters.map { filter in
            .with {
                $0.name = filter.name
                $0.typedConfig = filter.config
            }
        }
        return try .with {
            $0.name = "envoy.filters.network.http_connection_manager"
            $0.typedConfig = try Google_Protobuf_Any(packing: message)
        }
    }

    private static var tcpProxy: Envoy_Config_Listener_V3_Filter {
        networkFilter("envoy.filters.network.tcp_proxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy")
    }

    private static func networkFilter(_ name: String, _ type: String) -> Envoy_Config_Listener_V3_Filter {
        .with {
            $0.name = name
            $0.typedConfig = opaque(type)
        }
    }
}
