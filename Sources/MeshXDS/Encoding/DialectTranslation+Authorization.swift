// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity

extension DialectTranslation {
    /// A filter as gRPC's servers take it (gRFC A41), who refuse a whole listener for a rule that they do not know: where
    /// one cannot be said to them, the rules become stricter and never wider.
    mutating func translated(_ filter: AuthorizationFilter, _ path: String) -> AuthorizationFilter {
        var filter = filter
        if filter.shadowRules != nil {
            report(path + ".shadow_rules", "gRPC servers try no rules")
            filter.shadowRules = nil
        }
        guard var rules = filter.rules else { return filter }
        if rules.action == .log {
            report(path + ".rules", "gRPC servers do not log by rules")
            filter.rules = nil
            return filter
        }
        // Whoever permits says too little, whoever refuses too much.
        let rounding: Rounding = rules.action == .deny ? .wider : .narrower
        for position in rules.policies.indices {
            var isRounded = false
            let policy = rules.policies[position]
            rules.policies[position].permissions = policy.permissions.map { $0.known(rounding, &isRounded) }
            rules.policies[position].principals = policy.principals.map { $0.known(rounding, &isRounded) }
            guard isRounded else { continue }
            let effect = rounding == .wider ? "it refuses more" : "it permits less"
            report(path + ".rules.policies[\(policy.name)]", "gRPC servers do not know all of it; \(effect)")
        }
        filter.rules = rules
        return filter
    }

    /// What gRPC's servers take of what a place says of filters.
    mutating func translated(
        _ overrides: [String: FilterOverride<AuthorizationFilter>],
        _ path: String
    ) -> [String: FilterOverride<AuthorizationFilter>] {
        var translated: [String: FilterOverride<AuthorizationFilter>] = [:]
        for (name, override) in overrides.sorted(by: { $0.key < $1.key }) {
            switch override {
            case .disabled: translated[name] = .disabled
            case .settings(let filter):
                translated[name] = .settings(self.translated(filter, "\(path)[\(name)].rbac"))
            }
        }
        return translated
    }
}

/// To which side a condition is rounded that cannot be said.
private enum Rounding {
    case wider, narrower

    var inverted: Rounding { self == .wider ? .narrower : .wider }
}

extension Permission {
    /// The permission in words that gRPC knows.
    fileprivate func known(_ rounding: Rounding, _ isRounded: inout Bool) -> Permission {
        switch self {
        case .any, .header, .path, .destinationAddress, .destinationPort, .serverName, .metadata: return self
        case .all(let parts): return .all(parts.map { $0.known(rounding, &isRounded) })
        case .anyOf(let parts): return .anyOf(parts.map { $0.known(rounding, &isRounded) })
        case .not(let part): return .not(part.known(rounding.inverted, &isRounded))
        // The expression is what the template means.
        case .pathTemplate(let template): return .path(StringMatcher(.regularExpression(template.expression)))
        case .destinationPorts(let range) where range.count <= 32:
            return .anyOf(range.compactMap { UInt16(exactly: $0).map(Permission.destinationPort) })
        case .destinationPorts:
            isRounded = true
            return rounding == .wider ? .any : .not(.any)
        }
    }
}

extension Principal {
    /// The principal in words that gRPC knows.
    fileprivate func known(_ rounding: Rounding, _ isRounded: inout Bool) -> Principal {
        switch self {
        case .any, .authenticated, .source, .directRemote, .remote, .header, .path, .metadata: return self
        case .all(let parts): return .all(parts.map { $0.known(rounding, &isRounded) })
        case .anyOf(let parts): return .anyOf(parts.map { $0.known(rounding, &isRounded) })
        case .not(let part): return .not(part.known(rounding.inverted, &isRounded))
        // gRPC takes the URI name first.
        case .identity(let matcher): return .authenticated(matcher)
        case .certificate(let matcher?) where matcher.kind == .uri: return .authenticated(matcher.matcher)
        case .certificate:
            isRounded = true
            return rounding == .wider ? .any : .not(.any)
        }
    }
}
