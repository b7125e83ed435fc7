// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension Principal {
    /// What nobody is.
    private static let none = Principal.not(.any)
    private static let noKind = ReadFields(Envoy_Config_Rbac_V3_Principal.self)

    /// The filter state in which Istio's proxies keep the peer's identity.
    private static let istioPeerPrincipal = "io.istio.peer_principal"

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
            self = .authenticated(matcher)
        case .header(let header):
            guard let matcher = HeaderMatcher(header, at: path["header"], &context) else { return nil }
            self = .header(matcher)
        case .metadata(let matcher):
            context.ignore(path["metadata"], "never matches: there is no metadata")
            self = matcher.invert ? .any : .none
        case .sourcedMetadata(let matcher):
            context.ignore(path["sourced_metadata"], "never matches: there is no metadata")
            self = matcher.metadataMatcher.invert ? .any : .none
        case .sourceIp, .directRemoteIp, .remoteIp, .urlPath, .filterState, .custom, nil:
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
    init(_ principal: Principal) {
        self.init()
        switch principal {
        case .any: any = true
        case .all(let parts): andIds.ids = parts.map { Self($0) }
        case .anyOf(let parts): orIds.ids = parts.map { Self($0) }
        case .not(let part): notID = Self(part)
        case .authenticated(let matcher):
            authenticated = Authenticated()
            if let matcher { authenticated.principalName = Envoy_Type_Matcher_V3_StringMatcher(matcher) }
        case .header(let matcher): header = Envoy_Config_Route_V3_HeaderMatcher(matcher)
        }
    }
}
