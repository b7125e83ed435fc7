// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension Permission {
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
        case .destinationIp(let range):
            guard let range = AddressRange(range, at: path["destination_ip"], &context) else { return nil }
            self = .destinationAddress(range)
        case .destinationPortRange(let range):
            let path = path["destination_port_range"]
            guard range.start >= 0, range.end <= 65536, range.start < range.end else {
                context.reject(path, "must begin at 0 or above, end at 65536 or below, and not be empty")
                return nil
            }
            self = .destinationPorts(UInt32(range.start)..<UInt32(range.end))
        case .metadata(let matcher):
            guard let matcher = MetadataMatcher(matcher, at: path["metadata"], &context) else { return nil }
            self = .metadata(matcher)
        case .sourcedMetadata(let sourced):
            guard let matcher = MetadataMatcher(sourced, at: path["sourced_metadata"], &context) else { return nil }
            self = .metadata(matcher)
        case .requestedServerName(let matcher):
            guard let matcher = StringMatcher(matcher, at: path["requested_server_name"], &context) else { return nil }
            self = .serverName(matcher)
        case .uriTemplate(let template):
            guard let template = PathTemplate(template, at: path["uri_template"], &context) else { return nil }
            self = .pathTemplate(template)
        case .matcher, nil:
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

extension MetadataMatcher {
    /// Decodes a matcher of metadata with a source, which has to be what filters noted.
    init?(_ message: Envoy_Config_Rbac_V3_SourcedMetadata, at path: FieldPath, _ context: inout DecodingContext) {
        guard message.metadataSource == .dynamic else {
            context.reject(path["metadata_source"], "only DYNAMIC is supported: routes have no metadata here")
            return nil
        }
        self.init(message.metadataMatcher, at: path["metadata_matcher"], &context)
    }
}

extension Envoy_Config_Rbac_V3_Permission {
    /// Encodes a permission.
    init(_ permission: Permission) throws {
        self.init()
        switch permission {
        case .any: any = true
        // Envoy takes no empty sets: nothing at all always holds, and one of none never.
        case .all(let parts): if parts.isEmpty { any = true } else { andRules.rules = try parts.map { try Self($0) } }
        case .anyOf(let parts):
            if parts.isEmpty { notRule.any = true } else { orRules.rules = try parts.map { try Self($0) } }
        case .not(let part): notRule = try Self(part)
        case .header(let matcher): header = Envoy_Config_Route_V3_HeaderMatcher(matcher)
        case .path(let matcher): urlPath.path = Envoy_Type_Matcher_V3_StringMatcher(matcher)
        case .pathTemplate(let template): uriTemplate = try Envoy_Config_Core_V3_TypedExtensionConfig(template)
        case .destinationAddress(let range): destinationIp = Envoy_Config_Core_V3_CidrRange(range)
        case .destinationPort(let port): destinationPort = UInt32(port)
        case .destinationPorts(let range):
            destinationPortRange.start = Int32(clamping: range.lowerBound)
            destinationPortRange.end = Int32(clamping: range.upperBound)
        case .serverName(let matcher): requestedServerName = Envoy_Type_Matcher_V3_StringMatcher(matcher)
        case .metadata(let matcher): metadata = Envoy_Type_Matcher_V3_MetadataMatcher(matcher)
        }
    }
}
