// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Turns Istio's authorization into policies on the identities of certificates.
struct AuthorizationCompiler {
    let trustDomain: String

    /// One policy for each rule, named as Istio names them.
    /// - Parameter prefix: What stands before the names; Istio's word for an external authorizer.
    func policies(_ authorization: Authorization, prefix: String = "") -> [MeshSecurity.AuthorizationPolicy] {
        authorization.rules.enumerated().map { number, rule in
            let metadata = authorization.metadata
            let permissions = rule.permissions.isEmpty ? [Permission.any] : rule.permissions
            let principals = rule.sources.isEmpty ? [Principal.any] : rule.sources.map(principal)
            let conditions = rule.conditions
            let asked = conditions.sources.map(principal) + conditions.principals
            return MeshSecurity.AuthorizationPolicy(
                name: "\(prefix)ns[\(metadata.namespace)]-policy[\(metadata.name)]-rule[\(number)]",
                permissions: conditions.permissions.isEmpty
                    ? permissions : permissions.map { .all([$0] + conditions.permissions) },
                principals: asked.isEmpty ? principals : principals.map { .all([$0] + asked) }
            )
        }
    }

    private func principal(_ source: Authorization.Source) -> Principal {
        .all(
            parts(source.wanted).map(Principal.anyOf) + parts(source.unwanted).map { .not(.anyOf($0)) }
        )
    }

    /// The conditions of each field that says something.
    private func parts(_ names: Authorization.Names) -> [[Principal]] {
        let parts: [[Principal]] = [
            names.principals.map(identity), names.namespaces.map(namespace),
            names.serviceAccounts.map(serviceAccount), names.trustDomains.map(domain),
            names.requestPrincipals.map(requestPrincipal), names.addresses.map(Principal.directRemote),
            names.remoteAddresses.map(Principal.remote),
        ]
        return parts.filter { !$0.isEmpty }
    }

    /// A principal is an identity without `spiffe://`.
    private func identity(_ text: WildcardText) -> Principal {
        switch text {
        case .exact(let text): .authenticated(StringMatcher(.exact("spiffe://" + ownDomain(text))))
        case .prefix(let text): .authenticated(StringMatcher(.prefix("spiffe://" + ownDomain(text))))
        case .suffix(let text): .authenticated(StringMatcher(.suffix(text)))
        // TLS alone is no identity: some name has to be there.
        case .any: .authenticated(text.matcher)
        }
    }

    /// Istio takes the trust domain `cluster.local` for the mesh's own, whatever that is.
    private func ownDomain(_ principal: String) -> String {
        let standard = "cluster.local/"
        return principal.hasPrefix(standard) ? "\(trustDomain)/\(principal.dropFirst(standard.count))" : principal
    }

    /// A namespace is meant in every trust domain, as Istio has it: a refusal must hit partners of a federation too.
    private func namespace(_ text: WildcardText) -> Principal {
        Self.identity(matching: "spiffe://[^/]+/ns/\(Self.segment(text))/.*")
    }

    private func domain(_ text: WildcardText) -> Principal {
        Self.identity(matching: "spiffe://\(Self.segment(text))/.*")
    }

    private func serviceAccount(_ account: Authorization.ServiceAccount) -> Principal {
        .authenticated(StringMatcher(.exact("spiffe://\(trustDomain)/ns/\(account.namespace)/sa/\(account.name)")))
    }

    /// The issuer and the subject of the request's token, as Istio splits them: at the last slash, since an issuer may be
    /// a URL.
    private func requestPrincipal(_ text: String) -> Principal {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let subject = parts.count > 1 ? String(parts[parts.count - 1]) : nil
        let issuer = subject == nil ? text : parts.dropLast().joined(separator: "/")
        let any = WildcardText.any.matcher
        let matchers: (StringMatcher, StringMatcher) =
            switch (text, subject) {
            case ("*", _): (any, any)
            case (_, let subject?) where text.hasPrefix("*"):
                (WildcardText(issuer)?.matcher ?? StringMatcher(.exact(issuer)), StringMatcher(.exact(subject)))
            case (_, nil) where text.hasPrefix("*"): (any, StringMatcher(.suffix(String(text.dropFirst()))))
            case (_, let subject?) where text.hasSuffix("*"):
                (StringMatcher(.exact(issuer)), WildcardText(subject)?.matcher ?? StringMatcher(.exact(subject)))
            case (_, nil) where text.hasSuffix("*"): (StringMatcher(.prefix(String(text.dropLast()))), any)
            default: (StringMatcher(.exact(issuer)), StringMatcher(.exact(subject ?? "")))
            }
        return .all([.claim(["iss"], .text(matchers.0)), .claim(["sub"], .text(matchers.1))])
    }

    private static func segment(_ text: WildcardText) -> String {
        switch text {
        case .exact(let name): quoted(name)
        case .prefix(let name): quoted(name) + "[^/]*"
        case .suffix(let name): "[^/]*" + quoted(name)
        case .any: "[^/]+"
        }
    }

    /// An identity by an expression. Quoted text of a name's length is a valid one; any other was refused, and matches
    /// nobody.
    private static func identity(matching pattern: String) -> Principal {
        guard let expression = try? RegularExpression(pattern) else { return .not(.any) }
        return .authenticated(StringMatcher(.regularExpression(expression)))
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
