// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension JWTRequirement {
    private typealias Message = Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtRequirement
    private static let read = ReadFields(
        Message.self,
        "provider_name",
        "provider_and_audiences",
        "requires_any",
        "requires_all",
        "allow_missing_or_failed",
        "allow_missing"
    )

    /// Decodes a requirement. Of a kind that is not known here nothing is left: it would be none.
    /// - Returns: `nil`, with a problem, if something of it is bad or not supported.
    init?(
        _ message: Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtRequirement,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard !context.rejectOthers(in: message, at: path, read: Self.read) else { return nil }
        switch message.requiresType {
        case .providerName(let name): self = .provider(name)
        case .providerAndAudiences(let both):
            self =
                both.audiences.isEmpty
                ? .provider(both.providerName) : .providerForAudiences(both.providerName, both.audiences)
        case .requiresAny(let list):
            guard let parts = Self.parts(list.requirements, at: path["requires_any"], &context) else { return nil }
            self = .any(parts)
        case .requiresAll(let list):
            guard let parts = Self.parts(list.requirements, at: path["requires_all"], &context) else { return nil }
            self = .all(parts)
        case .allowMissing: self = .allowMissing
        case .allowMissingOrFailed: self = .allowMissingOrFailed
        case nil: self = .none
        }
    }

    private static func parts(
        _ messages: [Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtRequirement],
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> [JWTRequirement]? {
        guard messages.count >= 2 else {
            context.reject(path["requirements"], "must have at least 2 elements")
            return nil
        }
        var parts: [JWTRequirement] = []
        for (position, message) in messages.enumerated() {
            guard let part = JWTRequirement(message, at: path["requirements", position], &context) else { return nil }
            parts.append(part)
        }
        return parts
    }
}

extension Envoy_Extensions_Filters_Http_JwtAuthn_V3_JwtRequirement {
    /// Encodes a requirement.
    init(_ requirement: JWTRequirement) {
        self.init()
        switch requirement {
        case .none: break
        case .provider(let name): providerName = name
        case .providerForAudiences(let name, let audiences):
            providerAndAudiences.providerName = name
            providerAndAudiences.audiences = audiences
        // The API wants two of them; one twice asks for the same.
        case .any(let parts): requiresAny.requirements = Self.twoAtLeast(parts)
        case .all(let parts): requiresAll.requirements = Self.twoAtLeast(parts)
        case .allowMissing: allowMissing = Google_Protobuf_Empty()
        case .allowMissingOrFailed: allowMissingOrFailed = Google_Protobuf_Empty()
        }
    }

    private static func twoAtLeast(_ parts: [JWTRequirement]) -> [Self] {
        let parts = parts.map { Self($0) }
        return parts.count == 1 ? parts + parts : parts
    }
}
