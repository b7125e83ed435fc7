// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshSecurity
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

@Suite("A service that says who may pass", .timeLimit(.minutes(5)))
struct ExternalAuthorizationTests {
    /// Answers from a script.
    private final class ScriptedAuthorizer: ExternalAuthorizer {
        struct Gone: Error {}
        struct State {
            var asked: [AuthorizationQuestion] = []
        }

        let state = Mutex(State())
        let answer: @Sendable (AuthorizationQuestion) async throws -> ExternalVerdict

        init(_ answer: @escaping @Sendable (AuthorizationQuestion) async throws -> ExternalVerdict) {
            self.answer = answer
        }

        func check(_ question: AuthorizationQuestion, deadline: Deadline) async throws -> ExternalVerdict {
            state.withLock { $0.asked.append(question) }
            return try await answer(question)
        }
    }

    private static let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private let observer = RecordingObserver()
    private let clock = ManualClock()

    private func stack(
        _ filter: ExternalAuthorizationFilter,
        _ authorizer: ScriptedAuthorizer?,
        before: [HTTPFilter] = [],
        routes: [Route] = []
    ) throws -> InboundStack {
        let mesh = try Mesh(
            MeshConfiguration(
                externalAuthorizers: ExternalAuthorizers { name in name == "authz" ? authorizer : nil },
                observers: [observer]
            ),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        let hosts = routes.isEmpty ? [] : [VirtualHost(name: "h", domains: [.any], routes: routes)]
        let listener = Listener(
            name: "in",
            direction: .inbound(address: Self.address, security: .plaintext),
            filters: before + [.externalAuthorization(filter)],
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: hosts))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        return InboundStack(mesh: mesh, address: Self.address)
    }

    private func admit(_ stack: InboundStack, _ request: InMemoryRequest = InMemoryRequest()) async -> (
        reply: LocalReply?, request: InMemoryRequest
    ) {
        var request = request
        var context = stack.begin(request)
        do {
            try await stack.admit(&request, peerIdentity: "spiffe://a/b", context: &context)
            return (nil, request)
        } catch {
            return ((error as? MeshError)?.localReply ?? LocalReply(status: 599), request)
        }
    }

    private var verdicts: [String] {
        observer.events.compactMap { event in
            if case .authorizerAsked("in", "authz", let verdict) = event { verdict } else { nil }
        }
    }

    @Test func `it is told of the request, and changes it`() async throws {
        let authorizer = ScriptedAuthorizer { _ in
            ExternalVerdict(changes: [.init("x-user", "me")], removedHeaders: ["x-secret"], metadata: ["a": .number(1)])
        }
        let stack = try stack(
            ExternalAuthorizationFilter(service: "authz", withheldHeaders: [StringMatcher(.exact("x-secret"))]),
            authorizer
        )
        let request = InMemoryRequest(path: "/p?q", headers: [("x-secret", "s"), ("x-a", "1"), ("x-a", "2")])
        let passed = await admit(stack, request)
        #expect(passed.reply == nil)
        #expect(passed.request.values(of: "x-user") == ["me"])
        #expect(passed.request.values(of: "x-secret") == [])
        let question = try #require(authorizer.state.withLock { $0.asked.first })
        #expect(question.headers["x-a"] == "1,2")
        #expect(question.headers["x-secret"] == nil)
        #expect(question.path == "/p?q")
        #expect(question.peer.identity == "spiffe://a/b")
        #expect(verdicts == ["ok"])
    }

    @Test func `its refusal is the answer`() async throws {
        let reply = LocalReply(status: 429, body: "no", headers: [.init("x-why", "because")])
        let stack = try stack(
            ExternalAuthorizationFilter(service: "authz"),
            ScriptedAuthorizer { _ in ExternalVerdict(refusal: reply) }
        )
        #expect(await admit(stack).reply == reply)
        #expect(verdicts == ["denied"])
    }

    @Test func `without an answer requests are refused, or pass with a mark where that is wanted`() async throws {
        let failing = ScriptedAuthorizer { _ in throw ScriptedAuthorizer.Gone() }
        let closed = try stack(ExternalAuthorizationFilter(service: "authz", failureStatus: 503), failing)
        #expect(await admit(closed).reply?.status == 503)
        let open = try stack(
            ExternalAuthorizationFilter(service: "authz", allowsOnFailure: true, marksFailure: true),
            failing
        )
        let passed = await admit(open)
        #expect(passed.reply == nil)
        #expect(passed.request.value(of: "x-envoy-auth-failure-mode-allowed") == "true")
        let unknown = try stack(ExternalAuthorizationFilter(service: "other"), nil)
        #expect(await admit(unknown).reply?.status == 403)
        #expect(verdicts == ["error", "failure_mode_allowed"])
    }

    @Test func `nobody waits longer than the filter says`() async throws {
        let clock = clock
        let silent = ScriptedAuthorizer { _ in
            try await clock.sleep(until: MeshInstant(nanoseconds: .max))
            return ExternalVerdict()
        }
        let stack = try stack(ExternalAuthorizationFilter(service: "authz"), silent)
        async let answer = admit(stack)
        await clock.waitForSleepers(2)
        clock.advance(by: .milliseconds(200))
        #expect(await answer.reply?.status == 403)
    }

    @Test func `routes switch it off or tell it more, and a share of requests is not asked about`() async throws {
        let authorizer = ScriptedAuthorizer { _ in ExternalVerdict(refusal: LocalReply(status: 403)) }
        func route(_ path: String, _ override: FilterOverride<[String: String]>?) -> Route {
            var route = Route(
                name: path,
                match: RouteMatch(path: PathMatcher(.prefix(path))),
                action: .nonForwarding
            )
            route.filters.externalAuthorization = override
            return route
        }
        let routed = try stack(
            ExternalAuthorizationFilter(service: "authz"),
            authorizer,
            routes: [route("/off", .disabled), route("/told", .settings(["a": "1"])), route("/", nil)]
        )
        #expect(await admit(routed, InMemoryRequest(path: "/off")).reply == nil)
        #expect(await admit(routed, InMemoryRequest(path: "/told")).reply?.status == 403)
        #expect(authorizer.state.withLock { $0.asked.map(\.contextExtensions) } == [["a": "1"]])
        var none = ExternalAuthorizationFilter(service: "authz", enabled: RuntimeFraction(.none))
        #expect(await admit(try stack(none, authorizer)).reply == nil)
        none.deniesOthers = true
        #expect(await admit(try stack(none, authorizer)).reply?.status == 403)
        #expect(authorizer.state.withLock { $0.asked.count } == 1)
    }
}
