// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity
import SwiftProtobuf

/// Tokens that requests carry (`envoy.extensions.filters.http.jwt_authn.v3`).
///
/// Whatever decides who may pass and is not supported is an error, never left out: the requirements must not become wider.
struct JWTCodec: HTTPFilterCodec {
    typealias Message = Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtAuthentication
    private typealias Override = Envoy_Extensions_Filters_Http_JwtAuthn_V3_PerRouteConfig
    private static let read = ReadFields(
        Message.self,
        "providers",
        "rules",
        "bypass_cors_preflight",
        "requirement_map",
        "strip_failure_response",
        "stat_prefix"
    )
    private static let readOverride = ReadFields(Override.self, "disabled", "requirement_name")
    private static let readRule = ReadFields(
        Envoy_Extensions_Filters_Http_JwtAuthn_V3_RequirementRule.self,
        "match",
        "requires",
        "requirement_name"
    )

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path),
            !context.rejectOthers(in: message, at: path, read: Self.read)
        else { return nil }
        var isWhole = true
        var providers: [JWTProvider] = []
        for (name, provider) in message.providers.sorted(by: { $0.key < $1.key }) {
            let provider = JWTProvider(name: name, provider, at: path["providers", key: name], &context)
            if let provider { providers.append(provider) } else { isWhole = false }
        }
        var requirements: [String: JWTRequirement] = [:]
        for (name, requirement) in message.requirementMap.sorted(by: { $0.key < $1.key }) {
            let requirement = JWTRequirement(requirement, at: path["requirement_map", key: name], &context)
            if let requirement { requirements[name] = requirement } else { isWhole = false }
        }
        var rules: [JWTFilter.Rule] = []
        for (position, rule) in message.rules.enumerated() {
            let rule = self.rule(rule, at: path["rules", position], &context)
            if let rule { rules.append(rule) } else { isWhole = false }
        }
        guard isWhole else { return nil }
        let filter = JWTFilter(
            providers: providers,
            rules: rules,
            requirements: requirements,
            bypassesPreflight: message.bypassCorsPreflight,
            stripsFailure: message.stripFailureResponse
        )
        guard context.attempt(path, { () throws(ConfigurationError) in try filter.validate() }) != nil else {
            return nil
        }
        return .jwt(filter)
    }

    private func rule(
        _ message: Envoy_Extensions_Filters_Http_JwtAuthn_V3_RequirementRule,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> JWTFilter.Rule? {
        guard !context.rejectOthers(in: message, at: path, read: Self.readRule) else { return nil }
        guard let match = RouteMatch(message.match, at: path["match"], &context) else {
            // A route may be left out; a rule that is left out lets requests pass without a token.
            context.reject(path["match"], "cannot be used as it is")
            return nil
        }
        switch message.requirementType {
        case .requires(let requirement):
            return JWTRequirement(requirement, at: path["requires"], &context).map {
                JWTFilter.Rule(match, .inline($0))
            }
        case .requirementName(let name):
            guard context.require(name: name, at: path["requirement_name"]) else { return nil }
            return JWTFilter.Rule(match, .named(name))
        case nil: return JWTFilter.Rule(match, .inline(.none))
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
        switch message.requirementSpecifier {
        case .disabled(true): overrides.filters.jwt = .disabled
        case .requirementName(let name):
            guard context.require(name: name, at: path["requirement_name"]) else { return }
            overrides.filters.jwt = .settings(name)
        case .disabled(false), nil: context.reject(path, "needs disabled: true or requirement_name")
        }
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.filters.jwt = .disabled
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .jwt(let filter) = filter else { return nil }
        var message = Message()
        for provider in filter.providers { message.providers[provider.name] = .init(provider) }
        message.requirementMap = filter.requirements.mapValues { .init($0) }
        message.rules = try filter.rules.map { rule in
            var message = Envoy_Extensions_Filters_Http_JwtAuthn_V3_RequirementRule()
            message.match = try Envoy_Config_Route_V3_RouteMatch(rule.match)
            switch rule.requirement {
            case .inline(.none): break
            case .inline(let requirement): message.requires = .init(requirement)
            case .named(let name): message.requirementName = name
            }
            return message
        }
        message.bypassCorsPreflight = filter.bypassesPreflight
        message.stripFailureResponse = filter.stripsFailure
        return try Google_Protobuf_Any(packing: message)
    }

    /// No tokens are asked for at a place.
    static func switchedOff() throws -> Google_Protobuf_Any {
        var message = Override()
        message.disabled = true
        return try Google_Protobuf_Any(packing: message)
    }

    /// A place's requirement, in place of the listener's rules.
    static func encoded(_ name: String) throws -> Google_Protobuf_Any {
        var message = Override()
        message.requirementName = name
        return try Google_Protobuf_Any(packing: message)
    }
}
