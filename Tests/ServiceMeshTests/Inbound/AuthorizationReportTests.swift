// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshSecurity
import MeshTesting
import ServiceMesh
import Testing

/// What is told of authorization: to observers, to filters behind, and to people.
@Suite struct AuthorizationReportTests {
    private static let productpage = "spiffe://cluster.local/ns/default/sa/productpage"
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)

    private func fixture(_ filters: [AuthorizationFilter]) throws -> (MeshFixture, InboundStack) {
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: filters.map { .authorization($0) },
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: []))
        )
        let fixture = try MeshFixture(MeshResources(listeners: [listener]))
        return (fixture, InboundStack(mesh: fixture.mesh, address: address))
    }

    private func rules(
        _ action: AuthorizationRules.Action,
        path: String,
        principal: Principal = .any
    ) -> AuthorizationRules {
        let policy = AuthorizationPolicy(
            name: "on \(path)",
            permissions: [.path(StringMatcher(.exact(path)))],
            principals: [principal]
        )
        return AuthorizationRules(action: action, policies: [policy])
    }

    private func admit(_ stack: InboundStack, _ path: String) async -> (error: MeshError?, context: CallContext) {
        let request = InMemoryRequest(path: path)
        var context = stack.begin(request)
        do {
            try await stack.admit(request, peerIdentity: Self.productpage, context: &context)
            return (nil, context)
        } catch {
            return (error as? MeshError, context)
        }
    }

    private func decisions(_ fixture: MeshFixture) -> [AuthorizationDecision] {
        fixture.observer.events.compactMap { if case .authorizationDecided(let told) = $0 { told } else { nil } }
    }

    @Test func `each decision is told with its policy, its caller and its request`() async throws {
        let filter = AuthorizationFilter(rules: rules(.deny, path: "/no"), prefix: "x_")
        let (fixture, stack) = try fixture([filter])
        #expect(await admit(stack, "/yes").error == nil)
        #expect(await admit(stack, "/no").error?.message == "RBAC: access denied (policy on /no)")
        let told = decisions(fixture)
        #expect(told.map(\.outcome) == [.allowed, .denied])
        #expect(told.map(\.policy) == [nil, "on /no"])
        #expect(told.allSatisfy { $0.peerIdentity == Self.productpage })
        #expect(told.allSatisfy { $0.prefix == "x_" && $0.listener == "inbound" })
        #expect(told.map(\.request?.path) == ["/yes", "/no"])
    }

    @Test func `rules that are only tried refuse nobody, and are noted for filters behind`() async throws {
        let filter = AuthorizationFilter(rules: nil, shadowRules: rules(.deny, path: "/no"), shadowPrefix: "dry_")
        let (fixture, stack) = try fixture([filter])
        let (error, context) = await admit(stack, "/no")
        #expect(error == nil)
        #expect(decisions(fixture).map(\.outcome) == [.shadowDenied])
        let noted = context.filterState?.metadata["envoy.filters.http.rbac"]
        #expect(noted == ["dry_shadow_engine_result": "denied", "dry_shadow_effective_policy_id": "on /no"])
        let (_, other) = await admit(stack, "/yes")
        #expect(other.filterState?.metadata["envoy.filters.http.rbac"] == ["dry_shadow_engine_result": "allowed"])
    }

    @Test func `a filter may ask what one before it has tried`() async throws {
        let marking = AuthorizationFilter(rules: nil, shadowRules: rules(.deny, path: "/no"), shadowPrefix: "dry_")
        let mark = MetadataMatcher(
            filter: "envoy.filters.http.rbac",
            path: ["dry_shadow_engine_result"],
            .text(StringMatcher(.exact("denied")))
        )
        let policy = AuthorizationPolicy(name: "p", permissions: [.any], principals: [.metadata(mark)])
        let heeding = AuthorizationFilter(rules: AuthorizationRules(action: .deny, policies: [policy]))
        let (_, stack) = try fixture([marking, heeding])
        #expect(await admit(stack, "/yes").error == nil)
        #expect(await admit(stack, "/no").error?.route == "p")
    }

    @Test func `rules that log leave a hint`() async throws {
        let (fixture, stack) = try fixture([AuthorizationFilter(rules: rules(.log, path: "/audited"))])
        let (error, context) = await admit(stack, "/audited")
        #expect(error == nil)
        #expect(context.filterState?.metadata["envoy.common"] == ["access_log_hint": .boolean(true)])
        _ = await admit(stack, "/other")
        #expect(decisions(fixture).map(\.outcome) == [.logged, .notLogged])
    }

    @Test func `people are told which policy decides, and which ones were looked at`() throws {
        let principal = Principal.authenticated(StringMatcher(.exact(Self.productpage)))
        let filter = AuthorizationFilter(rules: rules(.allow, path: "/a", principal: principal))
        let (fixture, _) = try fixture([filter])
        let request = InMemoryRequest(path: "/a")
        let peer = AuthorizationPeer(identity: Self.productpage)
        let known = fixture.mesh.explain(inbound: request, at: address, from: peer)
        let standard = "rules of envoy.filters.http.rbac"
        #expect(known["authorization"] == "\(standard): allow, 1 policies; allowed by on /a")
        #expect(known["policy of \(standard)"] == "on /a: what is asked for is meant, the caller is")
        let stranger = fixture.mesh.explain(inbound: request, at: address, from: AuthorizationPeer(identity: nil))
        #expect(stranger["authorization"] == "\(standard): allow, 1 policies; denied, no policy matches")
        let unknown = fixture.mesh.explain(inbound: request, at: address)
        #expect(unknown["authorization"] == "\(standard): allow, 1 policies; who asks is not known")
    }

    @Test func `the client's address is what the listener believes`() async throws {
        let range = AddressRange(try #require(IPAddress("10.0.0.0")), length: 8)
        let policy = AuthorizationPolicy(name: "p", permissions: [.any], principals: [.remote(range)])
        for (rule, isAllowed) in [(ForwardedFor.connection, false), (.lastAddress, true)] {
            let listener = Listener(
                name: "inbound",
                direction: .inbound(address: address, security: .plaintext),
                filters: [.authorization(AuthorizationRules(action: .allow, policies: [policy]))],
                routes: .inline(RouteConfiguration(name: "r", virtualHosts: [])),
                forwardedFor: rule
            )
            let stack = InboundStack(
                mesh: try MeshFixture(MeshResources(listeners: [listener])).mesh,
                address: address
            )
            let request = InMemoryRequest(headers: [("x-forwarded-for", "10.0.0.1")])
            var context = stack.begin(request)
            let peer = AuthorizationPeer(certificate: nil, source: IPAddress("127.0.0.1"))
            do {
                try await stack.admit(request, peer: peer, context: &context)
                #expect(isAllowed)
            } catch {
                #expect(!isAllowed)
            }
        }
    }
}
