// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension Permission {
    /// What nobody does.
    private static let none = Permission.not(.any)
    private static let noKind = ReadFields(Envoy_Config_Rbac_V3_Permission.self)

    /// Decodes a permission.
    /// - Returns: `nil`, with a problem, if it is of a kind that is not supported.
    init?(_ message: Envoy_Config_Rbac_V3_Permission, at path: FieldPath, _ context: inout DecodingContext) {
        switch message.rule {
        case .any(true): self = .any
        case .any(false):
            context.reject(path["any"], "must be true")
            return nil
        case .andRules(let set):
            guard let parts = Self.parts(set.rules, at: path["and_rules"], &context) else { return nil }
            self = .all(parts)
        case .orRules(let set):
            guard let parts = Self.parts(set.rules, at: path["or_rules"], &context) else { return nil }
            self = .anyOf(parts)
        case .notRule(let part):
            guard let part = Permission(part, at: path["not_rule"], &context) else { return nil }
            self = .not(part)
        case .header(let header):
            guard let matcher = HeaderMatcher(header, at: path["header"], &context) else { return nil }
            self = .header(matcher)
        case .urlPath(let matcher):
            let path = path["url_path"]["path"]
            guard let matcher = StringMatcher(matcher.path, at: path, &context) else { return nil }
            self = .path(matcher)
        case .destinationPort(let value):
            guard let port = UInt16(exactly: value) else {
                context.reject(path["destination_port"], "must be at most 65535")
                return nil
            }
            self = .destinationPort(port)
        case .metadata(let matcher):
            // There is no metadata here, so that the matcher never matches (gRFC A41).
            context.ignore(path["metadata"], "never matches: there is no metadata")
            self = matcher.invert ? .any : .none
        case .sourcedMetadata(let matcher):
            context.ignore(path["sourced_metadata"], "never matches: there is no metadata")
            self = matcher.metadataMatcher.invert ? .any : .none
        case .requestedServerName(let matcher):
            // Peers are told apart by their certificates; the server name counts as empty (gRFC A41).
            guard let matcher = StringMatcher(matcher, at: path["requested_server_name"], &context) else { return nil }
            context.ignore(path["requested_server_name"], "the server name counts as empty")
            self = matcher.matches("") ? .any : .none
        case .destinationIp, .destinationPortRange, .matcher, .uriTemplate, nil:
            let kind = Self.noKind.others(in: message).first
            context.reject(kind.map { path[$0] } ?? path, kind == nil ? "is empty" : "is not supported")
            return nil
        }
    }

    private static func parts(
        _ messages: [Envoy_Config_Rbac_V3_Permission],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [Permission]? {
        guard !messages.isEmpty else {
            context.reject(path["rules"], "is empty")
            return nil
        }
        var parts: [Permission] = []
        for (position, message) in messages.enumerated() {
            guard let part = Permission(message, at: path["rules", position], &context) else { return nil }
            parts.append(part)
        }
        return parts
    }
}

extension Envoy_Config_Rbac_V3_Permission {
    /// Encodes a permission.
    init(_ permission: Permission) {
        self.init()
        switch permission {
        case .any: any = true
        case .all(let parts): andRules.rules = parts.map { Self($0) }
        case .anyOf(let parts): orRules.rules = parts.map { Self($0) }
        case .not(let part): notRule = Self(part)
        case .header(let matcher): header = Envoy_Config_Route_V3_HeaderMatcher(matcher)
        case .path(let matcher): urlPath.path = Envoy_Type_Matcher_V3_StringMatcher(matcher)
        case .destinationPort(let port): destinationPort = UInt32(port)
        }
    }
}
