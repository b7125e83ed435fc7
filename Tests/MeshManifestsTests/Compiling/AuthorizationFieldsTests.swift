// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import MeshTesting
import Testing

@testable import MeshManifests

@Suite("what AuthorizationPolicy's fields mean")
struct AuthorizationFieldsTests {
    private func text(_ spec: String, name: String = "a", annotations: String = "{}") -> String {
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: \(name), annotations: \(annotations)}
        spec: \(spec)
        ---

        """
    }

    private func filters(_ text: String) -> [AuthorizationFilter] {
        (Compilation(text, for: Bookinfo.node("ratings")).inbound?.filters ?? []).compactMap { filter in
            if case .authorization(let filter) = filter { filter } else { nil }
        }
    }

    private func isAllowed(_ text: String, _ request: InMemoryRequest, _ peer: AuthorizationPeer) -> Bool {
        AuthorizationEngine(filters(text).compactMap(\.rules)).verdict(for: request, peer: peer).isAllowed
    }

    private static let token: [String: MetadataValue] = [
        "envoy.filters.http.jwt_authn": .fields([
            "payload": .fields([
                "iss": "https://issuer.test/a", "sub": "alice", "aud": .list(["books", "pens"]), "azp": "web",
                "realm": .fields(["role": "admin"]),
            ])
        ])
    ]

    private static var peer: AuthorizationPeer {
        var peer = AuthorizationPeer(
            certificate: PeerCertificate(uriNames: ["spiffe://partner.test/ns/shop/sa/web"]),
            source: IPAddress("10.1.2.3"),
            destination: IPAddress("10.9.0.1"),
            destinationPort: 9080,
            serverName: "ratings.test",
            metadata: token
        )
        peer.remote = IPAddress("192.168.1.1")
        return peer
    }

    static let sources: [(String, Bool)] = [
        ("ipBlocks: [10.1.0.0/16]", true), ("ipBlocks: [10.1.2.3]", true), ("ipBlocks: [10.2.0.0/16]", false),
        ("notIpBlocks: [10.1.0.0/16]", false), ("remoteIpBlocks: [192.168.0.0/16]", true),
        ("remoteIpBlocks: [10.0.0.0/8]", false), ("notRemoteIpBlocks: [10.0.0.0/8]", true),
        ("trustDomains: [partner.test]", true), ("trustDomains: [\"*.test\"]", true),
        ("trustDomains: [\"partner*\"]", true), ("trustDomains: [partner]", false),
        ("notTrustDomains: [partner.test]", false), ("requestPrincipals: [\"*\"]", true),
        ("requestPrincipals: [\"https://issuer.test/a/alice\"]", true),
        ("requestPrincipals: [\"https://issuer.test/a/*\"]", true),
        ("requestPrincipals: [\"https://issuer.test/*\"]", false), ("requestPrincipals: [\"*/alice\"]", true),
        ("requestPrincipals: [\"*ice\"]", true), ("requestPrincipals: [\"https*\"]", true),
        ("requestPrincipals: [alice]", false), ("notRequestPrincipals: [\"*\"]", false),
    ]

    @Test("a source", arguments: sources)
    func source(source: String, expected: Bool) {
        let policy = text("{rules: [{from: [{source: {\(source)}}]}]}")
        #expect(isAllowed(policy, InMemoryRequest(), Self.peer) == expected)
    }

    @Test("who has no token has no principal of one")
    func withoutToken() {
        var peer = Self.peer
        peer.metadata = [:]
        let policy = text("{rules: [{from: [{source: {requestPrincipals: [\"*\"]}}]}]}")
        #expect(!isAllowed(policy, InMemoryRequest(), peer))
        let other = text("{rules: [{from: [{source: {notRequestPrincipals: [\"*\"]}}]}]}")
        #expect(isAllowed(other, InMemoryRequest(), peer))
    }

    static let operations: [(String, Bool)] = [
        ("hosts: [ratings.test]", false), ("hosts: [\"RATINGS.test:9080\"]", true), ("hosts: [\"ratings*\"]", true),
        ("hosts: [\"*:9080\"]", true), ("hosts: [\"*\"]", true), ("notHosts: [\"*:9080\"]", false),
        ("paths: [\"/ratings/{*}\"]", true), ("paths: [\"/{**}\"]", true), ("paths: [\"/{*}\"]", false),
        ("notPaths: [\"/ratings/{*}\"]", false),
    ]

    @Test("an operation", arguments: operations)
    func operation(operation: String, expected: Bool) {
        let request = InMemoryRequest(authority: "Ratings.test:9080", path: "/ratings/7?q")
        let policy = text("{rules: [{to: [{operation: {\(operation)}}]}]}")
        #expect(isAllowed(policy, request, Self.peer) == expected)
    }

    static let conditions: [(String, Bool)] = [
        ("key: source.ip, values: [10.1.2.3]", true), ("key: source.ip, notValues: [10.0.0.0/8]", false),
        ("key: remote.ip, values: [192.168.1.1]", true), ("key: source.namespace, values: [shop]", true),
        ("key: source.namespace, notValues: [shop]", false),
        ("key: source.principal, values: [partner.test/ns/shop/sa/web]", true),
        ("key: request.auth.principal, values: [\"https://issuer.test/a/alice\"]", true),
        ("key: request.auth.audiences, values: [pens]", true), ("key: request.auth.audiences, values: [ink]", false),
        ("key: request.auth.presenter, values: [web]", true),
        ("key: \"request.auth.claims[realm][role]\", values: [admin]", true),
        ("key: \"request.auth.claims[realm][role]\", values: [\"*\"], notValues: [admin]", false),
        ("key: \"request.auth.claims[none]\", values: [\"*\"]", false),
        ("key: \"request.headers[x-a]\", values: [\"1*\"]", true),
        ("key: \"request.headers[x-a]\", notValues: [\"*\"]", false),
        ("key: destination.ip, values: [10.9.0.0/16]", true), ("key: destination.port, values: [\"9080\"]", true),
        ("key: destination.port, notValues: [\"9080\"]", false),
        ("key: connection.sni, values: [\"*.test\"]", true), ("key: connection.sni, values: [other]", false),
    ]

    @Test("a condition", arguments: conditions)
    func condition(condition: String, expected: Bool) {
        let request = InMemoryRequest(headers: [("x-a", "17")])
        let policy = text("{rules: [{when: [{\(condition)}]}]}")
        #expect(isAllowed(policy, request, Self.peer) == expected)
        // Beside an operation it holds too, and not instead of it.
        let narrower = text("{rules: [{to: [{operation: {methods: [PUT]}}], when: [{\(condition)}]}]}")
        #expect(!isAllowed(narrower, request, Self.peer))
    }

    @Test("policies that are only tried stand beside those that are enforced")
    func dryRun() {
        let dry = "{istio.io/dry-run: \"true\"}"
        let tried = filters(text("{rules: [{}]}", annotations: dry))
        #expect(tried.count == 1 && tried[0].rules == nil)
        #expect(tried[0].shadowRules?.action == .allow && tried[0].shadowPrefix == "istio_dry_run_allow_")
        let both = filters(
            text("{action: DENY, rules: [{}]}", name: "b") + text("{action: DENY, rules: [{}]}", annotations: dry)
        )
        #expect(both.count == 1)
        #expect(both[0].rules?.policies.map(\.name) == ["ns[default]-policy[b]-rule[0]"])
        #expect(both[0].shadowRules?.policies.map(\.name) == ["ns[default]-policy[a]-rule[0]"])
        #expect(both[0].shadowPrefix == "istio_dry_run_deny_")
        #expect(filters(text("{rules: [{}]}", annotations: "{istio.io/dry-run: \"false\"}"))[0].rules != nil)
    }

    @Test("AUDIT, DENY and ALLOW come in this order, and what an unknown provider decides about is refused before")
    func order() {
        let all = filters(
            text("{rules: [{}]}", name: "d") + text("{action: DENY, rules: [{}]}", name: "c")
                + text("{action: AUDIT, rules: [{}]}", name: "b")
                + text("{action: CUSTOM, provider: {name: x}, rules: [{to: [{operation: {paths: [/x]}}]}]}")
        )
        #expect(all.map { $0.rules?.action } == [.deny, .log, .deny, .allow])
        #expect(all[0].rules?.policies.map(\.name) == ["istio-ext-authz-x-ns[default]-policy[a]-rule[0]"])
    }

    @Test("a policy for a service holds at its workloads")
    func target() {
        let target = { (name: String) in self.text("{targetRefs: [{kind: Service, name: \(name)}]}") }
        #expect(filters(target("ratings")).count == 1)
        #expect(filters(target("details")).isEmpty)
    }

    @Test("TLS without a certificate is no principal")
    func anyPrincipal() {
        let policy = text("{rules: [{from: [{source: {principals: [\"*\"]}}]}]}")
        #expect(isAllowed(policy, InMemoryRequest(), Self.peer))
        let anonymous = AuthorizationPeer(certificate: nil, isSecured: true)
        #expect(!isAllowed(policy, InMemoryRequest(), anonymous))
    }
}
