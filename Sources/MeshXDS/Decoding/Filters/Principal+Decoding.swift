// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension Principal {
    private static let noKind = ReadFields(Envoy_Config_Rbac_V3_Principal.self)

    /// The filter state in which Istio's proxies keep the peer's identity.
    static let istioPeerPrincipal = "io.istio.peer_principal"

    /// Decodes a principal.
    /// - Returns: `nil`, with a problem, if it is of a kind that is not supported.
    init?(_ message: Envoy_Config_Rbac_V3_Principal, at path: FieldPath, _ context: inout DecodingContext) {
        switch message.identifier {
        case .any(true): self = .any
        case .any(false):
            context.reject(path["any"], "must be true")
            return nil
        case .andIds(let set):
            guard let parts = Self.parts(set.ids, at: path["and_ids"], &context) else { return nil }
            self = .all(parts)
        case .orIds(let set):
            guard let parts = Self.parts(set.ids, at: path["or_ids"], &context) else { return nil }
            self = .anyOf(parts)
        case .notID(let part):
            guard let part = Principal(part, at: path["not_id"], &context) else { return nil }
            self = .not(part)
        case .authenticated(let authenticated):
            guard authenticated.hasPrincipalName else {
                self = .authenticated(nil)
                return
            }
            let path = path["authenticated"]["principal_name"]
            guard let matcher = StringMatcher(authenticated.principalName, at: path, &context) else { return nil }
            self = .authenticated(matcher)
        case .filterState(let state) where state.key == Self.istioPeerPrincipal:
            let path = path["filter_state"]["string_match"]
            guard let matcher = StringMatcher(state.stringMatch, at: path, &context) else { return nil }
            self = .identity(matcher)
        case .header(let header):
            guard let matcher = HeaderMatcher(header, at: path["header"], &context) else { return nil }
            self = .header(matcher)
        case .urlPath(let matcher):
            let path = path["url_path"]["path"]
            guard let matcher = StringMatcher(matcher.path, at: path, &context) else { return nil }
            self = .path(matcher)
        case .sourceIp(let range):
            guard let range = AddressRange(range, at: path["source_ip"], &context) else { return nil }
            self = .source(range)
        case .directRemoteIp(let range):
            guard let range = AddressRange(range, at: path["direct_remote_ip"], &context) else { return nil }
            self = .directRemote(range)
        case .remoteIp(let range):
            guard let range = AddressRange(range, at: path["remote_ip"], &context) else { return nil }
            self = .remote(range)
        case .metadata(let matcher):
            guard let matcher = MetadataMatcher(matcher, at: path["metadata"], &context) else { return nil }
            self = .metadata(matcher)
        case .sourcedMetadata(let sourced):
            guard let matcher = MetadataMatcher(sourced, at: path["sourced_metadata"], &context) else { return nil }
            self = .metadata(matcher)
        case .custom(let config):
            guard let principal = Self.custom(config, at: path["custom"], &context) else { return nil }
            self = principal
        case .filterState, nil:
            let kind = Self.noKind.others(in: message).first
            context.reject(kind.map { path[$0] } ?? path, kind == nil ? "is empty" : "is not supported")
            return nil
        }
    }

    private static func parts(
        _ messages: [Envoy_Config_Rbac_V3_Principal],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [Principal]? {
        guard !messages.isEmpty else {
            context.reject(path["ids"], "is empty")
            return nil
        }
        var parts: [Principal] = []
        for (position, message) in messages.enumerated() {
            guard let part = Principal(message, at: path["ids", position], &context) else { return nil }
            parts.append(part)
        }
        return parts
    }
}

extension Envoy_Config_Rbac_V3_Principal {
    /// Encodes a principal.
    init(_ principal: Principal) throws {
        self.init()
        switch principal {
        case .any: any = true
        // Envoy takes no empty sets: nothing at all always holds, and one of none never.
        case .all(let parts): if parts.isEmpty { any = true } else { andIds.ids = try parts.map { try Self($0) } }
        case .anyOf(let parts):
            if parts.isEmpty { notID.any = true } else { orIds.ids = try parts.map { try Self($0) } }
        case .not(let part): notID = try Self(part)
        case .authenticated(let matcher):
            authenticated = Authenticated()
            if let matcher { authenticated.principalName = Envoy_Type_Matcher_V3_StringMatcher(matcher) }
        case .identity(let matcher):
            filterState.key = Principal.istioPeerPrincipal
            filterState.stringMatch = Envoy_Type_Matcher_V3_StringMatcher(matcher)
        case .certificate(let matcher): custom = try .mutualTLS(matcher)
        case .source(let range): sourceIp = Envoy_Config_Core_V3_CidrRange(range)
        case .directRemote(let range): directRemoteIp = Envoy_Config_Core_V3_CidrRange(range)
        case .remote(let range): remoteIp = Envoy_Config_Core_V3_CidrRange(range)
        case .header(let matcher): header = Envoy_Config_Route_V3_HeaderMatcher(matcher)
        case .path(let matcher): urlPath.path = Envoy_Type_Matcher_V3_StringMatcher(matcher)
        case .metadata(let matcher): metadata = Envoy_Type_Matcher_V3_MetadataMatcher(matcher)
        }
    }
}
