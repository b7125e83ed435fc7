// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshSecurity
import SwiftProtobuf

/// Authorization (`envoy.extensions.filters.http.rbac.v3`).
///
/// Whatever decides who may pass and is not supported is an error, never left out: the rules must not become wider.
struct AuthorizationCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_Rbac_V3_RBAC
    private typealias Override = Envoy_Extensions_Filters_Http_Rbac_V3_RBACPerRoute
    private static let read = ReadFields(
        Message.self,
        "rules",
        "shadow_rules",
        "rules_stat_prefix",
        "shadow_rules_stat_prefix"
    )
    private static let readOverride = ReadFields(Override.self, "rbac")

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        return Self.filter(message, at: path, &context).map(HTTPFilter.authorization)
    }

    /// Decodes the settings. A filter without rules stays: routes may say what they are there.
    private static func filter(
        _ message: Message,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> AuthorizationFilter? {
        let others = context.ignoreOthers(in: message, at: path, read: Self.read)
        // A rule tree (`matcher`) would be in force instead of `rules`.
        for name in ["matcher", "shadow_matcher"] where others.contains(name) {
            context.reject(path[name], "is not supported")
        }
        var filter = AuthorizationFilter(
            rules: nil,
            prefix: message.rulesStatPrefix,
            shadowPrefix: message.shadowRulesStatPrefix
        )
        if message.hasRules {
            guard let rules = AuthorizationRules(message.rules, at: path["rules"], &context) else { return nil }
            filter.rules = rules
        }
        if message.hasShadowRules {
            guard let rules = AuthorizationRules(message.shadowRules, at: path["shadow_rules"], &context) else {
                return nil
            }
            filter.shadowRules = rules
        }
        return filter
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Override.self, at: path) else { return }
        context.ignoreOthers(in: message, at: path, read: Self.readOverride)
        let name = Self.key(overrides.filterName)
        guard message.hasRbac else {
            overrides.filters.authorization[name] = .disabled
            return
        }
        guard let filter = Self.filter(message.rbac, at: path["rbac"], &context) else { return }
        overrides.filters.authorization[name] = .settings(filter)
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.filters.authorization[Self.key(overrides.filterName)] = .disabled
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .authorization(let filter) = filter else { return nil }
        return try Google_Protobuf_Any(packing: Self.message(filter))
    }

    private static func message(_ filter: AuthorizationFilter) throws -> Message {
        var message = Message()
        if let rules = filter.rules { message.rules = try Envoy_Config_Rbac_V3_RBAC(rules) }
        if let rules = filter.shadowRules { message.shadowRules = try Envoy_Config_Rbac_V3_RBAC(rules) }
        message.rulesStatPrefix = filter.prefix
        message.shadowRulesStatPrefix = filter.shadowPrefix
        return message
    }

    /// Encodes what a place says of the filter.
    static func encoded(_ override: FilterOverride<AuthorizationFilter>) throws -> Google_Protobuf_Any {
        var message = Override()
        // Without settings the filter is off: said so, it is understood whatever the filter's name is.
        if case .settings(let filter) = override { message.rbac = try Self.message(filter) }
        return try Google_Protobuf_Any(packing: message)
    }

    /// The standard name and none are the same.
    private static func key(_ name: String) -> String { name == AuthorizationFilter.standardName ? "" : name }
}

extension HTTPFilter {
    /// The filter with its name on the listener, behind those that stand before it.
    func named(_ name: String, behind filters: [HTTPFilter]) -> HTTPFilter {
        guard case .authorization(var filter) = self else { return self }
        let number = filters.count { if case .authorization = $0 { true } else { false } } + 1
        filter.name = name == AuthorizationFilter.standardName(number: number) ? "" : name
        return .authorization(filter)
    }
}
