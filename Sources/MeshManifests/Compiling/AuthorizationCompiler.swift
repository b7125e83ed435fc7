// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Turns Istio's authorization into policies on the identities of certificates.
struct AuthorizationCompiler {
    let trustDomain: String

    /// One policy for each rule, named as Istio names them.
    func policies(_ authorization: Authorization) -> [MeshSecurity.AuthorizationPolicy] {
        authorization.rules.enumerated().map { number, rule in
            let metadata = authorization.metadata
            return MeshSecurity.AuthorizationPolicy(
                name: "ns[\(metadata.namespace)]-policy[\(metadata.name)]-rule[\(number)]",
                permissions: rule.permissions.isEmpty ? [.any] : rule.permissions,
                principals: rule.sources.isEmpty ? [.any] : rule.sources.map(principal)
            )
        }
    }

    private func principal(_ source: Authorization.Source) -> Principal {
        let wanted = [
            source.principals.map(identity), source.namespaces.map(namespace),
            source.serviceAccounts.map(serviceAccount),
        ]
        let unwanted = [
            source.notPrincipals.map(identity), source.notNamespaces.map(namespace),
            source.notServiceAccounts.map(serviceAccount),
        ]
        let conditions =
            wanted.filter { !$0.isEmpty }.map(Principal.anyOf)
            + unwanted.filter { !$0.isEmpty }.map { Principal.not(.anyOf($0)) }
        return .all(conditions)
    }

    /// A principal is an identity without `spiffe://`.
    private func identity(_ text: WildcardText) -> Principal {
        switch text {
        case .exact(let text): .authenticated(StringMatcher(.exact("spiffe://" + ownDomain(text))))
        case .prefix(let text): .authenticated(StringMatcher(.prefix("spiffe://" + ownDomain(text))))
        case .suffix(let text): .authenticated(StringMatcher(.suffix(text)))
        case .any: .authenticated(nil)
        }
    }

    /// Istio takes the trust domain `cluster.local` for the mesh's own, whatever that is.
    private func ownDomain(_ principal: String) -> String {
        let standard = "cluster.local/"
        return principal.hasPrefix(standard) ? "\(trustDomain)/\(principal.dropFirst(standard.count))" : principal
    }

    /// A namespace is meant in every trust domain, as Istio has it: a refusal must hit partners of a federation too.
    private func namespace(_ text: WildcardText) -> Principal {
        let segment =
            switch text {
            case .exact(let name): Self.quoted(name)
            case .prefix(let name): Self.quoted(name) + "[^/]*"
            case .suffix(let name): "[^/]*" + Self.quoted(name)
            case .any: "[^/]+"
            }
        // Quoted text of a namespace's length is a valid expression; any other was refused, and matches nobody.
        guard let expression = try? RegularExpression("spiffe://[^/]+/ns/\(segment)/.*") else { return .not(.any) }
        return .authenticated(StringMatcher(.regularExpression(expression)))
    }

    private func serviceAccount(_ account: Authorization.ServiceAccount) -> Principal {
        .authenticated(StringMatcher(.exact("spiffe://\(trustDomain)/ns/\(account.namespace)/sa/\(account.name)")))
    }

    /// A text as a regular expression that matches it.
    private static func quoted(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { quoted, scalar in
            let isOrdinary = scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar.value >= 0x80
            if !isOrdinary { quoted += "\\" }
            quoted.unicodeScalars.append(scalar)
        }
    }
}
