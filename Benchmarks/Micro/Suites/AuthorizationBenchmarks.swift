// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// The ways in which policies tell whom they mean.
private enum AuthorizationKind: String, CaseIterable {
    /// The exact identity of a caller.
    case identity
    /// An exact path.
    case path
    /// Callers by their namespace, which is a regular expression: nothing that an index finds.
    case namespace

    func policy(_ number: Int) -> AuthorizationPolicy {
        switch self {
        case .identity:
            AuthorizationPolicy(
                name: name(number),
                permissions: [.any],
                principals: [principal(.exact(identity(number)))]
            )
        case .path:
            AuthorizationPolicy(
                name: name(number),
                permissions: [.path(StringMatcher(.exact("/service/\(number)")))],
                principals: [.any]
            )
        case .namespace:
            AuthorizationPolicy(
                name: name(number),
                permissions: [.any],
                principals: [principal(.regularExpression(namespace(number)))]
            )
        }
    }

    func request(_ number: Int) -> MinimalRequest { MinimalRequest(path: "/service/\(number)?verbose=1") }

    func peer(_ number: Int) -> AuthorizationPeer {
        AuthorizationPeer(identity: identity(number), destinationPort: 9080)
    }

    private func principal(_ pattern: StringMatcher.Pattern) -> Principal {
        .all([.anyOf([.authenticated(StringMatcher(pattern))])])
    }

    private func identity(_ number: Int) -> String { "spiffe://cluster.local/ns/team-\(number)/sa/caller" }

    /// As many digits for each, so that the names have the numbers' order.
    private func name(_ number: Int) -> String {
        let digits = String(number)
        return "policy-" + String(repeating: "0", count: 6 - digits.utf8.count) + digits
    }

    private func namespace(_ number: Int) -> RegularExpression {
        guard let expression = try? RegularExpression("spiffe://[^/]+/ns/team\\-\(number)/.*") else {
            fatalError("the pattern is valid")
        }
        return expression
    }
}

func authorizationBenchmarks() -> [Benchmark] {
    AuthorizationKind.allCases.flatMap { kind in
        [10, 1_000].flatMap { count in
            [("last", count - 1), ("none", nil)].map { place, number in
                Benchmark("authorization/\(kind.rawValue)-\(count)-\(place)", preparing: { body(kind, count, number) })
            }
        }
    }
}

/// Judges one request by that many policies; the one of that number allows it, or none does.
private func body(_ kind: AuthorizationKind, _ count: Int, _ number: Int?) -> Benchmark.Body {
    let rules = AuthorizationRules(action: .allow, policies: (0..<count).map(kind.policy))
    let compiled = CompiledAuthorization(rules)
    // The number of one that is not there has as many digits as that of the last one.
    let asked = number ?? (count - 1) * 2
    let (request, peer) = (kind.request(asked), kind.peer(asked))
    return { iterations in
        for _ in 0..<iterations {
            let verdict = compiled.verdict(for: request, peer: peer)
            guard verdict.isAllowed == (number != nil) else { fatalError("the wrong policy matched") }
        }
    }
}
