// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension AuthorizationRules {
    private static let read = ReadFields(Envoy_Config_Rbac_V3_RBAC.self, "action", "policies")
    private static let readPolicy = ReadFields(Envoy_Config_Rbac_V3_Policy.self, "permissions", "principals")

    /// Decodes rules.
    /// - Returns: `nil`, with a problem, for bad ones.
    init?(_ message: Envoy_Config_Rbac_V3_RBAC, at path: FieldPath, _ context: inout DecodingContext) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        let action: Action
        switch message.action {
        case .allow: action = .allow
        case .deny: action = .deny
        case .log: action = .log
        case .UNRECOGNIZED(let number):
            context.reject(path["action"], "\(number) is unknown")
            return nil
        }
        var policies: [AuthorizationPolicy] = []
        for (name, policy) in message.policies.sorted(by: { $0.key < $1.key }) {
            guard let policy = Self.policy(name, policy, at: path["policies", key: name], &context) else { return nil }
            policies.append(policy)
        }
        self.init(action: action, policies: policies)
    }

    private static func policy(
        _ name: String,
        _ message: Envoy_Config_Rbac_V3_Policy,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> AuthorizationPolicy? {
        // `condition` and its kin narrow the policy down by a CEL expression (gRFC A41: NACK).
        for name in readPolicy.others(in: message) { context.reject(path[name], "is not supported") }
        if message.permissions.isEmpty { context.reject(path["permissions"], "is empty") }
        if message.principals.isEmpty { context.reject(path["principals"], "is empty") }
        if message.permissions.isEmpty || message.principals.isEmpty { return nil }
        var permissions: [Permission] = []
        for (position, permission) in message.permissions.enumerated() {
            guard let permission = Permission(permission, at: path["permissions", position], &context) else {
                return nil
            }
            permissions.append(permission)
        }
        var principals: [Principal] = []
        for (position, principal) in message.principals.enumerated() {
            guard let principal = Principal(principal, at: path["principals", position], &context) else { return nil }
            principals.append(principal)
        }
        return AuthorizationPolicy(name: name, permissions: permissions, principals: principals)
    }
}

extension Envoy_Config_Rbac_V3_RBAC {
    /// Encodes rules. Of two policies with one name the first is kept, which is the one that is asked first. A policy that
    /// matches nothing, as it has no permissions or no principals, is left out: Envoy takes none.
    init(_ rules: AuthorizationRules) throws {
        self.init()
        action =
            switch rules.action {
            case .allow: .allow
            case .deny: .deny
            case .log: .log
            }
        for policy in rules.policies where policies[policy.name] == nil {
            guard !policy.permissions.isEmpty, !policy.principals.isEmpty else { continue }
            var message = Envoy_Config_Rbac_V3_Policy()
            message.permissions = try policy.permissions.map { try Envoy_Config_Rbac_V3_Permission($0) }
            message.principals = try policy.principals.map { try Envoy_Config_Rbac_V3_Principal($0) }
            policies[policy.name] = message
        }
    }
}
