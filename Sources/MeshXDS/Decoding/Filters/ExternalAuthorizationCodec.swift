// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

/// A service that says who may pass (`envoy.extensions.filters.http.ext_authz.v3`), over gRPC or HTTP.
///
/// Whatever decides who may pass and is not supported is an error, never left out.
struct ExternalAuthorizationCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_ExtAuthz_V3_ExtAuthz
    private typealias Override = Envoy_Extensions_Filters_Http_ExtAuthz_V3_ExtAuthzPerRoute
    private static let read = ReadFields(
        Message.self,
        "grpc_service",
        "http_service",
        "transport_api_version",
        "failure_mode_allow",
        "failure_mode_allow_header_add",
        "status_on_error",
        "metadata_context_namespaces",
        "filter_enabled",
        "filter_enabled_metadata",
        "deny_at_disable",
        "stat_prefix",
        "allowed_headers",
        "disallowed_headers",
        "clear_route_cache",
        "validate_mutations"
    )
    /// Without these, less is told or counted, and nobody passes who must not.
    private static let harmless: Set<String> = [
        "charge_cluster_response_stats", "emit_filter_state_stats", "filter_metadata", "include_tls_session",
        "bootstrap_metadata_labels_key", "encode_raw_headers", "typed_metadata_context_namespaces",
        "route_metadata_context_namespaces", "route_typed_metadata_context_namespaces", "include_peer_certificate",
        "max_denied_response_body_bytes", "enforce_response_header_limits",
    ]
    private static let readOverride = ReadFields(Override.self, "disabled", "check_settings")
    private static let readSettings = ReadFields(
        Envoy_Extensions_Filters_Http_ExtAuthz_V3_CheckSettings.self,
        "context_extensions"
    )

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        var isWhole = true
        for name in Self.read.others(in: message) {
            if Self.harmless.contains(name) {
                context.ignore(path[name])
            } else {
                context.reject(path[name], "is not supported")
                isWhole = false
            }
        }
        if message.clearRouteCache_p {
            context.ignore(path["clear_route_cache"], "the route is found before the service is asked")
        }
        guard isWhole, var filter = service(message, at: path, &context) else { return nil }
        filter.allowsOnFailure = message.failureModeAllow
        filter.marksFailure = message.failureModeAllowHeaderAdd
        if message.hasStatusOnError { filter.failureStatus = message.statusOnError.code.rawValue }
        filter.metadataNamespaces = message.metadataContextNamespaces
        guard
            let sent = context.list(
                message.allowedHeaders.patterns,
                at: path["allowed_headers"],
                "patterns",
                StringMatcher.init
            ),
            let withheld = context.list(
                message.disallowedHeaders.patterns,
                at: path["disallowed_headers"],
                "patterns",
                StringMatcher.init
            )
        else { return nil }
        // Those of the older place within the service come first.
        filter.sentHeaders += sent
        filter.withheldHeaders = withheld
        if message.hasFilterEnabled {
            let share = RuntimeFraction(message.filterEnabled, at: path["filter_enabled"], &context)
            guard let share else { return nil }
            filter.enabled = share
        }
        if message.hasFilterEnabledMetadata {
            let path = path["filter_enabled_metadata"]
            guard let matcher = MetadataMatcher(message.filterEnabledMetadata, at: path, &context) else { return nil }
            filter.enabledMetadata = matcher
        }
        if message.hasDenyAtDisable { filter.deniesOthers = message.denyAtDisable.defaultValue.value }
        let decoded = filter
        guard context.attempt(path, { () throws(ConfigurationError) in try decoded.validate() }) != nil else {
            return nil
        }
        return .externalAuthorization(filter)
    }

    /// Who is asked, and how.
    private func service(
        _ message: Message,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> ExternalAuthorizationFilter? {
        switch message.services {
        case .grpcService(let service):
            let path = path["grpc_service"]
            guard case .envoyGrpc(let target)? = service.targetSpecifier else {
                context.reject(path, "has no envoy_grpc")
                return nil
            }
            guard context.require(name: target.clusterName, at: path["envoy_grpc"]["cluster_name"]) else { return nil }
            var filter = ExternalAuthorizationFilter(service: target.clusterName.canonicalResourceName)
            guard service.hasTimeout else { return filter }
            guard let timeout = Nanoseconds(positive: service.timeout, at: path["timeout"], &context) else {
                return nil
            }
            filter.timeout = timeout
            return filter
        case .httpService(let service):
            return ExternalAuthorizationFilter(service, at: path["http_service"], &context)
        case nil:
            context.reject(path, "needs grpc_service or http_service")
            return nil
        }
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Override.self, at: path),
            !context.rejectOthers(in: message, at: path, read: Self.readOverride)
        else { return }
        switch message.override {
        case .disabled(true): overrides.filters.externalAuthorization = .disabled
        case .checkSettings(let settings):
            guard !context.rejectOthers(in: settings, at: path["check_settings"], read: Self.readSettings) else {
                return
            }
            overrides.filters.externalAuthorization = .settings(settings.contextExtensions)
        case .disabled(false), nil: context.reject(path, "needs disabled: true or check_settings")
        }
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.filters.externalAuthorization = .disabled
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .externalAuthorization(let filter) = filter else { return nil }
        var message = Message()
        if let http = filter.http {
            message.httpService = .init(http, cluster: filter.service, timeout: filter.timeout)
        } else {
            message.grpcService.envoyGrpc.clusterName = filter.service
            message.grpcService.timeout = Google_Protobuf_Duration(filter.timeout)
        }
        message.transportApiVersion = .v3
        message.failureModeAllow = filter.allowsOnFailure
        message.failureModeAllowHeaderAdd = filter.marksFailure
        message.statusOnError.code = .init(rawValue: filter.failureStatus) ?? .forbidden
        message.metadataContextNamespaces = filter.metadataNamespaces
        if !filter.sentHeaders.isEmpty { message.allowedHeaders.patterns = filter.sentHeaders.map { .init($0) } }
        if !filter.withheldHeaders.isEmpty {
            message.disallowedHeaders.patterns = filter.withheldHeaders.map { .init($0) }
        }
        message.filterEnabled = .init(filter.enabled)
        if let matcher = filter.enabledMetadata { message.filterEnabledMetadata = .init(matcher) }
        message.denyAtDisable.defaultValue = Google_Protobuf_BoolValue(filter.deniesOthers)
        // Envoy wants a key beside it.
        message.denyAtDisable.runtimeKey = "ext_authz.deny_at_disable"
        return try Google_Protobuf_Any(packing: message)
    }

    /// What a place says for the service.
    static func encoded(_ extensions: [String: String]) throws -> Google_Protobuf_Any {
        var message = Override()
        message.checkSettings.contextExtensions = extensions
        return try Google_Protobuf_Any(packing: message)
    }
}
