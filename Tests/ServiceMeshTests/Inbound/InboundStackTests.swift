// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshSecurity
import MeshTesting
import ServiceMesh
import Testing

@Suite struct InboundStackTests {
    private static let productpage = "spiffe://cluster.local/ns/default/sa/productpage"
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)

    private func fixture(
        _ filters: [HTTPFilter] = [],
        security: Listener.InboundSecurity = .plaintext
    ) throws -> (MeshFixture, InboundStack) {
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: security),
            filters: filters,
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: []))
        )
        let fixture = try MeshFixture(MeshResources(listeners: [listener]))
        return (fixture, InboundStack(mesh: fixture.mesh, address: address))
    }

    private func admit(
        _ stack: InboundStack,
        _ request: InMemoryRequest = InMemoryRequest(),
        identity: String? = productpage
    ) async -> MeshError? {
        var context = stack.begin(request)
        do {
            try await stack.admit(request, peerIdentity: identity, context: &context)
            return nil
        } catch {
            return error as? MeshError
        }
    }

    private let onlyProductpage = HTTPFilter.authorization(
        AuthorizationRules(
            action: .allow,
            policies: [
                AuthorizationPolicy(
                    name: "viewer",
                    permissions: [.any],
                    principals: [.authenticated(StringMatcher(.exact(productpage)))]
                )
            ]
        )
    )

    @Test func `a strict listener refuses a peer that proves no identity, whatever its headers say`() async throws {
        let (_, stack) = try fixture(security: .mutualTLS)
        let forged = InMemoryRequest(headers: [("x-forwarded-client-cert", "URI=\(Self.productpage)")])
        let error = await admit(stack, forged, identity: nil)
        #expect(error?.code == .unauthorized && error?.localReply?.status == 403)
        #expect(await admit(stack) == nil)
    }

    @Test func `nobody is admitted before it is known who may do what`() async throws {
        let source = FixedConfigSource(MeshResources())
        let mesh = try Mesh(MeshConfiguration(isDisabled: false), sources: [source], clock: ManualClock())
        let stack = InboundStack(mesh: mesh, address: address)
        let error = await admit(stack)
        #expect(error?.code == .notReady && error?.localReply?.status == 503)
        try mesh.apply(MeshResources(), from: source.name)
        #expect(await admit(stack) == nil)
        let unconfigured = try Mesh(MeshConfiguration(isDisabled: false), clock: ManualClock())
        #expect(await admit(InboundStack(mesh: unconfigured, address: address)) == nil)
    }

    @Test func `authorization answers 403 with Envoy's words, or with the policy's own`() async throws {
        let (_, allow) = try fixture([onlyProductpage])
        let error = await admit(allow, identity: "spiffe://cluster.local/ns/default/sa/reviews")
        #expect(error?.localReply == LocalReply(status: 403, body: "RBAC: access denied"))
        #expect(await admit(allow) == nil)
        let denying = AuthorizationPolicy(
            name: "no-ratings",
            permissions: [.path(StringMatcher(.prefix("/ratings")))],
            principals: [.any],
            denialMessage: "ratings are closed"
        )
        let (_, deny) = try fixture([.authorization(AuthorizationRules(action: .deny, policies: [denying]))])
        let refused = await admit(deny, InMemoryRequest(path: "/ratings/7"))
        #expect(refused?.localReply?.body == "ratings are closed" && refused?.route == "no-ratings")
        #expect(await admit(deny, InMemoryRequest(path: "/reviews/7")) == nil)
    }

    @Test func `an inbound rate limit refuses with 429, an inbound abort with its status`() async throws {
        let limit = RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(1))
        let (_, limited) = try fixture([.rateLimit(limit)])
        #expect(await admit(limited) == nil)
        #expect(await admit(limited)?.localReply?.status == 429)
        let (_, aborted) = try fixture([.fault(FaultConfiguration(abort: .init(status: 418, percentage: .all)))])
        #expect(await admit(aborted)?.localReply?.status == 418)
    }

    @Test func `an inbound delay is cut off by the caller's deadline`() async throws {
        let delay = FaultConfiguration(delay: .init(duration: .seconds(5), percentage: .all))
        let (fixture, stack) = try fixture([.fault(delay)])
        let request = InMemoryRequest(headers: [("x-envoy-expected-rq-timeout-ms", "1000")])
        let error = await withTaskGroup(of: MeshError?.self) { group in
            group.addTask { await admit(stack, request) }
            await fixture.clock.waitForSleepers()
            fixture.clock.advance(by: .seconds(1))
            return await group.next() ?? nil
        }
        #expect(error?.code == .deadlineExceeded)
    }

    static let timeouts: [(String, UInt64?)] = [
        ("1500", 1_500), ("1", 1), ("0", nil), ("-5", nil), ("", nil), ("abc", nil), ("1.5", nil),
        ("18446744073709551615", 86_400_000), ("18446744073709551616", nil),
    ]

    @Test(arguments: timeouts)
    func `the caller's time budget becomes the deadline`(header: String, milliseconds: UInt64?) throws {
        let (fixture, stack) = try fixture()
        let context = stack.begin(InMemoryRequest(headers: [("x-envoy-expected-rq-timeout-ms", header)]))
        let expected = milliseconds.map { Deadline(.milliseconds($0), after: fixture.clock.now) } ?? .never
        #expect(context.deadline == expected)
    }

    @Test func `the handler's outbound calls inherit trace, deadline and the peer's identity`() async throws {
        let (fixture, stack) = try fixture()
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let context = stack.begin(
            InMemoryRequest(headers: [("traceparent", header), ("x-envoy-expected-rq-timeout-ms", "1000")])
        )
        let outbound = try await stack.handling(context, peerIdentity: Self.productpage) {
            #expect(InboundContext.current?.peerIdentity == Self.productpage)
            return fixture.mesh.makeContext()
        }
        #expect(outbound.trace.traceIDText == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(outbound.trace.spanIDText != "00f067aa0ba902b7")
        #expect(outbound.deadline == Deadline(.seconds(1), after: fixture.clock.now))
        #expect(InboundContext.current == nil)
    }

    @Test func `a broken traceparent starts a trace of its own`() throws {
        let (_, stack) = try fixture()
        let context = stack.begin(InMemoryRequest(headers: [("traceparent", "00-zz"), ("tracestate", "a=b")]))
        #expect(context.trace.isValid && context.trace.state == nil)
    }

    @Test func `each request leaves one record with its flags`() async throws {
        let (fixture, stack) = try fixture([onlyProductpage])
        let request = InMemoryRequest(authority: "reviews", path: "/reviews/7")
        var context = stack.begin(request)
        let error = await #expect(throws: MeshError.self) {
            try await stack.admit(request, peerIdentity: nil, context: &context)
        }
        fixture.clock.advance(by: .milliseconds(3))
        stack.end(context, status: 403, peerIdentity: nil, error: error)
        let record = try #require(fixture.observer.requests.first)
        #expect(fixture.observer.started == [.inbound] && fixture.observer.requests.count == 1)
        #expect(record.direction == .inbound && record.status == 403 && record.path == "/reviews/7")
        #expect(record.flags == [.unauthorizedExternalService] && record.duration == .milliseconds(3))
        #expect(record.endpoint == address && record.route == "inbound")
    }

    @Test func `an address without a listener admits`() async throws {
        let (fixture, _) = try fixture(security: .mutualTLS)
        let other = InboundStack(mesh: fixture.mesh, address: EndpointAddress(host: "0.0.0.0", port: 1))
        #expect(await admit(other, identity: nil) == nil)
    }
}
