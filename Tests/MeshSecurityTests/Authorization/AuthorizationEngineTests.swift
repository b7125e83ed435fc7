// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import MeshTesting
import Testing

@Suite struct AuthorizationEngineTests {
    private static let productpage = "spiffe://cluster.local/ns/default/sa/productpage"
    private static let reviews = "spiffe://cluster.local/ns/default/sa/reviews"

    private func policy(
        _ name: String,
        permissions: [Permission] = [.any],
        from identity: String? = nil,
        denialMessage: String? = nil
    ) -> AuthorizationPolicy {
        AuthorizationPolicy(
            name: name,
            permissions: permissions,
            principals: [identity.map { .authenticated(StringMatcher(.exact($0))) } ?? .any],
            denialMessage: denialMessage
        )
    }

    private func verdict(
        _ rules: [AuthorizationRules],
        _ request: InMemoryRequest = InMemoryRequest(),
        from identity: String? = productpage
    ) -> AuthorizationVerdict {
        AuthorizationEngine(rules).verdict(
            for: request,
            peer: AuthorizationPeer(identity: identity, destinationPort: 9080)
        )
    }

    private let refused = AuthorizationVerdict.denied(policy: nil, message: "RBAC: access denied")

    @Test func `without rules everything passes, and an allow list without policies lets nothing pass`() {
        #expect(verdict([]) == .allowed(policy: nil))
        #expect(verdict([AuthorizationRules(action: .allow, policies: [])]) == refused)
        #expect(verdict([AuthorizationRules(action: .deny, policies: [])]) == .allowed(policy: nil))
    }

    @Test func `an allow list lets pass whom it names, by the certificate and nothing else`() {
        let rules = [AuthorizationRules(action: .allow, policies: [policy("p", from: Self.productpage)])]
        #expect(verdict(rules) == .allowed(policy: "p"))
        #expect(verdict(rules, from: Self.reviews) == refused)
        #expect(verdict(rules, from: nil) == refused)
        let forged = InMemoryRequest(headers: [("x-forwarded-client-cert", "URI=\(Self.productpage)")])
        #expect(verdict(rules, forged, from: Self.reviews) == refused)
    }

    @Test func `a deny list refuses whom it names with its own words`() {
        let rules = [
            AuthorizationRules(
                action: .deny,
                policies: [policy("no-reviews", from: Self.reviews, denialMessage: "not you")]
            )
        ]
        #expect(verdict(rules, from: Self.reviews) == .denied(policy: "no-reviews", message: "not you"))
        #expect(verdict(rules) == .allowed(policy: nil))
    }

    @Test func `the first refusal of several filters decides`() {
        let deny = AuthorizationRules(action: .deny, policies: [policy("d", from: Self.reviews)])
        let allow = AuthorizationRules(action: .allow, policies: [policy("a")])
        #expect(verdict([deny, allow]) == .allowed(policy: "a"))
        #expect(verdict([allow, deny], from: Self.reviews) == .denied(policy: "d", message: "RBAC: access denied"))
        #expect(verdict([allow, AuthorizationRules(action: .allow, policies: [])]) == refused)
    }

    @Test func `policies are asked in the order of their names`() {
        let rules = AuthorizationRules(action: .allow, policies: [policy("b"), policy("a")])
        #expect(verdict([rules]) == .allowed(policy: "a"))
    }

    static let permissions: [(Permission, Bool)] = [
        (.any, true), (.not(.any), false), (.all([]), true), (.anyOf([]), false),
        (.all([.any, .not(.any)]), false), (.anyOf([.not(.any), .any]), true),
        (.path(StringMatcher(.exact("/ratings/7"))), true), (.path(StringMatcher(.prefix("/reviews"))), false),
        (.header(HeaderMatcher(":method", .value(StringMatcher(.exact("GET"))))), true),
        (.header(HeaderMatcher("x", .present(true))), false), (.destinationPort(9080), true),
        (.destinationPort(80), false),
    ]

    @Test(arguments: permissions)
    func `a permission looks at the request line, the headers and the port`(permission: Permission, expected: Bool) {
        let request = InMemoryRequest(path: "/ratings/7?x")
        let peer = AuthorizationPeer(identity: nil, destinationPort: 9080)
        #expect(permission.matches(request, peer: peer) == expected)
        #expect(!Permission.destinationPort(80).matches(request, peer: AuthorizationPeer(identity: nil)))
    }

    static let principals: [(Principal, String?, Bool)] = [
        (.any, nil, true), (.authenticated(nil), nil, false), (.authenticated(nil), reviews, true),
        (.authenticated(StringMatcher(.suffix("/sa/reviews"))), reviews, true),
        (.authenticated(StringMatcher(.suffix("/sa/reviews"))), productpage, false),
        (.not(.authenticated(StringMatcher(.exact(reviews)))), nil, true),
        (.all([.authenticated(nil), .not(.authenticated(StringMatcher(.exact(reviews))))]), nil, false),
        (
            .anyOf([.authenticated(StringMatcher(.exact(reviews))), .header(HeaderMatcher("x", .present(true)))]), nil,
            false
        ),
        (.anyOf([]), reviews, false), (.all([]), nil, true),
    ]

    @Test(arguments: principals)
    func `a principal looks at the proven identity`(principal: Principal, identity: String?, expected: Bool) {
        let peer = AuthorizationPeer(identity: identity)
        #expect(principal.matches(InMemoryRequest(), peer: peer) == expected)
    }
}
