// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import SwiftProtobuf

/// What a listener takes from its HTTP connection manager: the filters and where the routes are.
struct HTTPConnectionManager {
    private typealias Message = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager
    private typealias Filter = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter
    private static let read = ReadFields(
        Message.self,
        "rds",
        "route_config",
        "http_filters",
        // The transport speaks what the peer speaks, and makes its own request IDs; the rest is for statistics.
        "codec_type",
        "stat_prefix",
        "generate_request_id",
        "use_remote_address",
        "xff_num_trusted_hops",
        "common_http_protocol_options"
    )
    private static let readCommon = ReadFields(Envoy_Config_Core_V3_HttpProtocolOptions.self, "max_stream_duration")
    private static let readFilter = ReadFields(
        Filter.self,
        "name",
        "typed_config",
        "config_discovery",
        "is_optional",
        "disabled"
    )

    let routes: Listener.Routes
    let filters: [HTTPFilter]
    /// How far a server believes `x-forwarded-for`.
    let forwardedFor: ForwardedFor
    /// The longest stream, where routes say nothing of that.
    let maximumStreamDuration: Nanoseconds?

    /// Decodes a connection manager.
    init?(_ any: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) {
        let type = typeName(ofTypeURL: any.typeURL)
        guard type == Message.protoMessageName else {
            context.reject(path, "is a \(type), not an HTTP connection manager")
            return nil
        }
        guard let message = context.unpack(any, as: Message.self, at: path) else { return nil }
        let others = context.ignoreOthers(in: message, at: path, read: Self.read)
        let routes = Self.routes(message, at: path, &context)
        let filters = Self.filters(message.httpFilters, at: path, &context)
        guard let routes, let filters else { return nil }
        var longest: Nanoseconds?
        if message.hasCommonHTTPProtocolOptions {
            let (options, path) = (message.commonHTTPProtocolOptions, path["common_http_protocol_options"])
            context.ignoreOthers(in: options, at: path, read: Self.readCommon)
            if options.hasMaxStreamDuration {
                let path = path["max_stream_duration"]
                guard let span = Nanoseconds(options.maxStreamDuration, at: path, &context) else { return nil }
                longest = span
            }
        }
        maximumStreamDuration = longest
        self.routes = routes
        self.filters = filters
        if context.rules == .grpc {
            if message.xffNumTrustedHops != 0 { context.reject(path["xff_num_trusted_hops"], "must be 0 (gRFC A41)") }
            forwardedFor = .connection
        } else {
            forwardedFor = ForwardedFor(
                usesConnection: message.useRemoteAddress.value,
                trustedHops: message.xffNumTrustedHops
            )
        }
        let authorizes = filters.contains { if case .authorization = $0 { true } else { false } }
        if authorizes, others.contains("original_ip_detection_extensions") {
            context.reject(path["original_ip_detection_extensions"], "is not supported where requests are authorized")
        }
    }

    private static func routes(
        _ message: Message,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Listener.Routes? {
        switch message.routeSpecifier {
        case .rds(let rds):
            switch rds.configSource.configSourceSpecifier {
            case .ads, .self_p: break
            case .apiConfigSource, nil:
                context.reject(path["rds"]["config_source"], "must be ads or self")
                return nil
            }
            guard !rds.routeConfigName.isEmpty else {
                context.reject(path["rds"]["route_config_name"], "is empty")
                return nil
            }
            return .named(rds.routeConfigName.canonicalResourceName)
        case .routeConfig(let routes):
            return RouteConfiguration(routes, at: path["route_config"], &context).map(Listener.Routes.inline)
        case nil:
            context.reject(path, "has neither rds nor route_config")
            return nil
        }
    }

    /// Decodes the filters by the rules of gRFC A39.
    private static func filters(
        _ messages: [Filter],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [HTTPFilter]? {
        var filters: [HTTPFilter] = []
        var names: Set<String> = []
        var isValid = true
        for (position, message) in messages.enumerated() {
            let path = path["http_filters", position]
            context.ignoreOthers(in: message, at: path, read: readFilter)
            if message.name.isEmpty || !names.insert(message.name).inserted {
                context.reject(path["name"], "\"\(message.name)\" is empty or appears twice")
                isValid = false
            }
            let type = StructuredPolicyName.name(of: message.typedConfig)
            let isRouter = type == RouterCodec.typeName
            if isRouter != (position == messages.count - 1) {
                context.reject(path, "the router must be the last filter, and only that")
                isValid = false
            }
            if message.disabled {
                context.ignore(path, "the filter is disabled")
                continue
            }
            if ProxyFilters.types.contains(StructuredPolicyName.inner(message.typedConfig)) {
                context.ignore(path, ProxyFilters.reason)
                continue
            }
            guard case .typedConfig = message.configType, let codec = context.registry.filter(type) else {
                let reason = type.isEmpty ? "has no typed_config" : "the filter \(type) is not supported"
                if message.isOptional {
                    context.ignore(path, reason)
                } else {
                    context.reject(path, reason)
                    isValid = false
                }
                continue
            }
            if let filter = codec.decode(message.typedConfig, at: path["typed_config"], &context) {
                filters.append(filter.named(message.name, behind: filters))
            }
        }
        if messages.isEmpty {
            context.reject(path["http_filters"], "is empty; the router is needed")
            isValid = false
        }
        return isValid ? filters : nil
    }
}
