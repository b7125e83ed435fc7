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
    private static let read = ReadFields(Message.self, "rules", "rules_stat_prefix")

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        let others = context.ignoreOthers(in: message, at: path, read: Self.read)
        // A rule tree in a form that is not known (`matcher`) would be in force instead of `rules`.
        if others.contains("matcher") { context.reject(path["matcher"], "is not supported") }
        guard message.hasRules else { return nil }
        return AuthorizationRules(message.rules, at: path["rules"], &context).map {
            HTTPFilter.authorization(AuthorizationFilter(rules: $0))
        }
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        context.reject(path, "authorization of a route of its own is not supported")
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        context.ignore(path, "the listener's authorization stays in force: switching it off is not supported")
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .authorization(let filter) = filter else { return nil }
        var message = Message()
        if let rules = filter.rules { message.rules = Envoy_Config_Rbac_V3_RBAC(rules) }
        return try Google_Protobuf_Any(packing: message)
    }
}
