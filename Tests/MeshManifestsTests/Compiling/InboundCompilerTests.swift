// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshRouting
import MeshSecurity
import Testing

@Suite("Inbound listeners")
struct InboundCompilerTests {
    private static func policy(_ spec: String, name: String = "p", namespace: String = "default") -> String {
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: \(name), namespace: \(namespace)}
        spec:
        \(spec)
        ---

        """
    }

    private static func peers(_ spec: String, name: String = "m", namespace: String = "default") -> String {
        """
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: {name: \(name), namespace: \(namespace)}
        spec: \(spec)
        ---

        """
    }

    private func rules(_ compilation: Compilation) -> [AuthorizationRules] {
        (compilation.inbound?.filters ?? []).compactMap { filter in
            if case .authorization(let filter) = filter { filter.rules } else { nil }
        }
    }

    private func engine(_ text: String, for node: Node = Bookinfo.node("ratings")) -> AuthorizationEngine {
        AuthorizationEngine(rules(Compilation(text, for: node)))
    }

    private func isAllowed(
        _ engine: AuthorizationEngine,
        _ account: String?,
        method: String = "GET",
        path: String = "/",
        port: UInt16 = 1006
    ) -> Bool {
        let identity = account.map { "spiffe://mesh.test/ns/\($0.replacing("/", with: "/sa/"))" }
        let peer = AuthorizationPeer(identity: identity, destinationPort: port)
        let verdict = engine.verdict(for: PlainRequest(method: method, path: path), peer: peer)
        if case .allowed = verdict { return true }
        return false
    }

    @Test("a workload has a listener for each address, named as gRPC asks for it")
    func listener() {
        var node = Bookinfo.node("ratings")
        node.inboundAddresses.append(EndpointAddress(host: "::1", port: 80))
        let listeners = Compilation([], for: node).resources.listeners
        #expect(listeners["xds.istio.io/grpc/lds/inbound/[::1]:80"] != nil)
        let name = "inbound|1006||"
        let route = Route(name: "default", action: .nonForwarding)
        #expect(
            listeners["xds.istio.io/grpc/lds/inbound/127.0.0.1:1006"]
                == Listener(
                    name: "xds.istio.io/grpc/lds/inbound/127.0.0.1:1006",
                    direction: .inbound(address: node.inboundAddresses[0], security: .permissive),
                    routes: .inline(
                        RouteConfiguration(
                            name: name,
                            virtualHosts: [VirtualHost(name: name, domains: [.any], routes: [route])]
                        )
                    )
                )
        )
    }

    @Test("mutual TLS is strict where the closest policy says so")
    func peerAuthentication() {
        let mesh = Self.peers("{mtls: {mode: STRICT}}", namespace: "istio-system")
        let security = { (text: String) -> Listener.InboundSecurity? in
            guard case .inbound(_, let security)? = Compilation(text, for: Bookinfo.node("ratings")).inbound?.direction
            else { return nil }
            return security
        }
        let ratings = "selector: {matchLabels: {app: ratings}}"
        #expect(security("") == .permissive)
        #expect(security(mesh) == .mutualTLS)
        #expect(security(mesh + Self.peers("{mtls: {mode: PERMISSIVE}}")) == .permissive)
        #expect(security(mesh + Self.peers("{mtls: {mode: UNSET}}")) == .mutualTLS)
        #expect(security(mesh + Self.peers("{}")) == .mutualTLS)
        #expect(security(mesh + Self.peers("{mtls: {mode: DISABLE}}", namespace: "shop")) == .mutualTLS)
        #expect(security(Self.peers("{\(ratings), mtls: {mode: STRICT}}")) == .mutualTLS)
        #expect(security(Self.peers("{selector: {matchLabels: {app: x}}, mtls: {mode: STRICT}}")) == .permissive)
        #expect(security(mesh + Self.peers("{\(ratings), mtls: {mode: DISABLE}}")) == .plaintext)
        #expect(security(mesh + Self.peers("{\(ratings), portLevelMtls: {1006: {mode: DISABLE}}}")) == .plaintext)
        #expect(security(mesh + Self.peers("{\(ratings), portLevelMtls: {1007: {mode: DISABLE}}}")) == .mutualTLS)
        #expect(security(Self.peers("{\(ratings), mtls: {mode: STRICT}}", namespace: "istio-system")) == .permissive)
    }

    @Test("an endpoint whose mutual TLS is switched off is called in plaintext")
    func switchedOff() {
        let text = Self.peers("{selector: {matchLabels: {app: ratings}}, mtls: {mode: DISABLE}}")
        let assignments = Compilation(text).resources.endpointAssignments
        let speaks = { (service: String) in
            assignments[Bookinfo.cluster(service)]?.localities.flatMap(\.endpoints).map(\.speaksMutualTLS)
        }
        #expect(speaks("ratings") == [false, false])
        #expect(speaks("details") == [true])
    }

    @Test("two policies for the same workloads are reported, and the first is in force")
    func competition() {
        let text = Self.peers("{mtls: {mode: STRICT}}", name: "a") + Self.peers("{mtls: {mode: DISABLE}}", name: "b")
        let compilation = Compilation(text, for: Bookinfo.node("ratings"))
        #expect(compilation.places == ["6:1 MM0305"])
        #expect(
            compilation.inbound?.direction
                == .inbound(address: EndpointAddress(host: "127.0.0.1", port: 1006), security: .mutualTLS)
        )
    }

    @Test("an empty policy allows nothing")
    func allowNothing() {
        let compilation = Compilation(Self.policy("  {}"), for: Bookinfo.node("ratings"))
        #expect(rules(compilation) == [AuthorizationRules(action: .allow, policies: [])])
        #expect(!isAllowed(engine(Self.policy("  {}")), "default/ratings"))
    }

    @Test("an empty rule allows everything, and without policies everything is allowed")
    func allowAll() {
        #expect(isAllowed(engine(Self.policy("  rules: [{}]")), nil))
        #expect(rules(Compilation([], for: Bookinfo.node("ratings"))).isEmpty)
    }

    @Test("a policy becomes filters as Istio writes them, refusals first")
    func filters() throws {
        let text =
            Self.policy(
                """
                  rules:
                  - from: [{source: {principals: ["cluster.local/ns/default/sa/reviews"], notNamespaces: [shop]}}]
                    to: [{operation: {methods: [GET], notPaths: ["/admin*"], ports: ["1006"]}}]
                """,
                name: "allow"
            )
            + Self.policy(
                "  action: DENY\n  rules: [{from: [{source: {serviceAccounts: [reviews-v3]}}]}]",
                name: "deny"
            )
        let reviews = "spiffe://mesh.test/ns/default/sa/reviews"
        let shop = try RegularExpression("spiffe://[^/]+/ns/shop/.*")
        let refusal = MeshSecurity.AuthorizationPolicy(
            name: "ns[default]-policy[deny]-rule[0]",
            permissions: [.any],
            principals: [.all([.anyOf([.authenticated(StringMatcher(.exact(reviews + "-v3")))])])]
        )
        let permission = MeshSecurity.AuthorizationPolicy(
            name: "ns[default]-policy[allow]-rule[0]",
            permissions: [
                .all([
                    .anyOf([.header(HeaderMatcher(":method", .value(StringMatcher(.exact("GET")))))]),
                    .not(.anyOf([.path(StringMatcher(.prefix("/admin")))])), .anyOf([.destinationPort(1006)]),
                ])
            ],
            principals: [
                .all([
                    .anyOf([.authenticated(StringMatcher(.exact(reviews)))]),
                    .not(.anyOf([.authenticated(StringMatcher(.regularExpression(shop)))])),
                ])
            ]
        )
        #expect(
            rules(Compilation(text, for: Bookinfo.node("ratings"))) == [
                AuthorizationRules(action: .deny, policies: [refusal]),
                AuthorizationRules(action: .allow, policies: [permission]),
            ]
        )
    }

    @Test(
        "who is meant by a source",
        arguments: [
            ("principals: [mesh.test/ns/default/sa/reviews]", ["default/reviews"]),
            ("principals: [cluster.local/ns/default/sa/reviews]", ["default/reviews"]),
            ("principals: [\"mesh.test/ns/default/*\"]", ["default/reviews", "default/web"]),
            ("principals: [\"*/sa/web\"]", ["default/web", "shop-test/web"]),
            ("principals: [\"*\"]", ["default/reviews", "default/web", "shop-test/web"]),
            ("notPrincipals: [\"*\"]", [nil]), ("notPrincipals: [\"*/sa/web\"]", [nil, "default/reviews"]),
            ("namespaces: [default]", ["default/reviews", "default/web"]), ("namespaces: [defaul]", []),
            ("namespaces: [\"shop*\"]", ["shop-test/web"]), ("namespaces: [\"*-test\"]", ["shop-test/web"]),
            ("namespaces: [\"*\"]", ["default/reviews", "default/web", "shop-test/web"]),
            ("notNamespaces: [default]", [nil, "shop-test/web"]),
            ("serviceAccounts: [web]", ["default/web"]), ("serviceAccounts: [shop-test/web]", ["shop-test/web"]),
            ("notServiceAccounts: [web], namespaces: [default]", ["default/reviews"]),
        ] as [(String, [String?])]
    )
    func sources(source: String, allowed: [String?]) {
        let engine = engine(Self.policy("  rules: [{from: [{source: {\(source)}}]}]"))
        let peers = [nil, "default/reviews", "default/web", "shop-test/web"]
        #expect(peers.filter { isAllowed(engine, $0) } == allowed)
    }

    @Test("what is meant by an operation")
    func operations() {
        let engine = engine(
            Self.policy(
                """
                  rules:
                  - to:
                    - operation: {methods: [GET, "P*"], paths: ["/a", "/b/*", "*.html"], notMethods: [PUT]}
                    - operation: {ports: ["80"], notPaths: ["/x"]}
                """
            )
        )
        #expect(isAllowed(engine, nil, path: "/a?q=1"))
        #expect(!isAllowed(engine, nil, path: "/a/"))
        #expect(isAllowed(engine, nil, method: "POST", path: "/b/c"))
        #expect(!isAllowed(engine, nil, method: "PUT", path: "/b/c"))
        #expect(!isAllowed(engine, nil, method: "DELETE", path: "/a"))
        #expect(isAllowed(engine, nil, path: "/z/index.html"))
        #expect(isAllowed(engine, nil, path: "/z", port: 80))
        #expect(!isAllowed(engine, nil, path: "/x", port: 80))
    }

    @Test("any path is a condition that every client takes, and its opposite is met by nobody")
    func anyPath() {
        let compilation = Compilation(
            Self.policy("  rules: [{to: [{operation: {paths: [\"*\"]}}]}]"),
            for: Bookinfo.node("ratings")
        )
        #expect(rules(compilation).flatMap(\.policies).flatMap(\.permissions) == [.all([.anyOf([.any])])])
        #expect(!isAllowed(engine(Self.policy("  rules: [{to: [{operation: {notPaths: [\"*\"]}}]}]")), nil))
    }

    @Test(
        "a namespace is meant in every trust domain",
        arguments: [
            ("  action: DENY\n  rules: [{from: [{source: {namespaces: [shop]}}]}]", false),
            ("  rules: [{from: [{source: {notNamespaces: [shop]}}]}]", false),
            ("  rules: [{from: [{source: {namespaces: [\"s*\"]}}]}]", true),
            ("  rules: [{from: [{source: {namespaces: [\"*op\"]}}]}]", true),
            ("  rules: [{from: [{source: {namespaces: [\"*\"]}}]}]", true),
            ("  rules: [{from: [{source: {namespaces: [sho]}}]}]", false),
        ]
    )
    func federation(spec: String, isExpected: Bool) {
        let engine = engine(Self.policy(spec))
        for domain in ["mesh.test", "partner.test"] {
            let peer = AuthorizationPeer(identity: "spiffe://\(domain)/ns/shop/sa/web", destinationPort: 1006)
            let verdict = engine.verdict(for: PlainRequest(method: "GET", path: "/"), peer: peer)
            let isAllowed = if case .allowed = verdict { true } else { false }
            #expect(isAllowed == isExpected, "\(domain)")
        }
    }

    @Test("a policy is about the workloads that it selects, in its namespace, or everywhere from the root namespace")
    func selection() {
        let nothing = { (spec: String, namespace: String) in Self.policy("  \(spec)", namespace: namespace) }
        let ratings = "{selector: {matchLabels: {app: ratings}}}"
        #expect(!isAllowed(engine(nothing(ratings, "default")), nil))
        #expect(isAllowed(engine(nothing(ratings, "default"), for: Bookinfo.node("details")), nil))
        #expect(isAllowed(engine(nothing("{}", "shop")), nil))
        #expect(!isAllowed(engine(nothing("{}", "istio-system")), nil))
        #expect(!isAllowed(engine(nothing(ratings, "istio-system")), nil))
        #expect(isAllowed(engine(nothing(ratings, "istio-system"), for: Bookinfo.node("details")), nil))
    }

    @Test("a policy that could not be read lets nobody through, should it be put in force")
    func failsClosed() {
        let broken = [
            "  rules: [{from: [{source: {principals: [\"a*b\"]}}]}]", "  rules: [{when: []}]", "  action: DENI",
            "  action: DENY\n  rules: [{from: [{source: {ipBlocks: []}}]}]", "  action: CUSTOM", "  rules: x",
            "  action: DENY\n  rules: [{when: [{key: a, values: [b]}]}]",
        ]
        for spec in broken {
            let text = Self.policy(spec)
            #expect(ManifestReading.of(text).diagnostics.hasErrors)
            #expect(!isAllowed(engine(text), "default/reviews"), "\(spec)")
        }
    }
}

/// A request without headers.
private struct PlainRequest: RequestHead {
    var method: String
    var scheme: String? { nil }
    var authority: String?
    var path: String
    var isReplayable: Bool { true }

    func value(of name: HeaderName) -> String? { nil }
    mutating func setValue(_ value: String, for name: HeaderName) {}
    mutating func appendValue(_ value: String, for name: HeaderName) {}
    mutating func removeValues(of name: HeaderName) {}
}
