// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshSecurity
import SwiftProtobuf

extension [String: Google_Protobuf_Any] {
    /// Adds what filters do at a place, in place of what they do on the listener.
    mutating func add(_ filters: FilterOverrides) throws {
        // A plain limit has the name already; settings go by their types, not by their names.
        let local = self[FilterNames.rateLimit] == nil ? FilterNames.rateLimit : "\(FilterNames.rateLimit).2"
        try add(filters.localRateLimit, local) { filter in
            try Google_Protobuf_Any(packing: Envoy_Extensions_Filters_Http_LocalRatelimit_V3_LocalRateLimit(filter))
        }
        try add(filters.globalRateLimit, FilterNames.globalRateLimit, GlobalRateLimitCodec.encoded)
        try add(filters.headerMutation, FilterNames.headerMutation, HeaderMutationCodec.encoded)
        try add(filters.externalAuthorization, FilterNames.external, ExternalAuthorizationCodec.encoded)
        try add(filters.jwt, FilterNames.jwt, JWTCodec.encoded)
        // Switched off by its own settings, Envoy's filter still takes out what callers write into its headers, as ours does.
        if filters.jwt == .disabled { self[FilterNames.jwt] = try JWTCodec.switchedOff() }
        try add(filters.buffer, FilterNames.buffer, BufferCodec.encoded)
        try add(filters.statefulSession, FilterNames.statefulSession, StatefulSessionCodec.encoded)
        for (name, override) in filters.authorization {
            self[name.isEmpty ? AuthorizationFilter.standardName : name] = try AuthorizationCodec.encoded(override)
        }
    }

    private mutating func add<Settings>(
        _ override: FilterOverride<Settings>?,
        _ name: String,
        _ encode: (Settings) throws -> Google_Protobuf_Any
    ) throws {
        switch override {
        case .settings(let settings): self[name] = try encode(settings)
        case .disabled: self[name] = try .switchedOff()
        case nil: break
        }
    }
}

extension Google_Protobuf_Any {
    /// A filter that does nothing at a place.
    static func switchedOff() throws -> Google_Protobuf_Any {
        var message = Envoy_Config_Route_V3_FilterConfig()
        message.disabled = true
        return try Google_Protobuf_Any(packing: message)
    }
}
