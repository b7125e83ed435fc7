// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// What routes do to the heads of requests and responses on their way.
@Suite struct RouteEditTests {
    private static func resources(
        _ routes: [Route],
        host: HeaderMutations = .none,
        table: HeaderMutations = .none,
        change: (inout VirtualHost) -> Void = { _ in }
    ) -> MeshResources {
        var virtualHost = VirtualHost(name: "reviews", domains: [.exact("reviews")], routes: routes, headers: host)
        change(&virtualHost)
        var named = ClusterEndpoint(Given.address(2))
        named.hostname = "backend.example"
        let assignment = EndpointAssignment(name: "named", localities: [LocalityEndpoints(endpoints: [named])])
        return MeshResources(
            listeners: [
                Listener(
                    name: "reviews:9080",
                    routes: .inline(
                        RouteConfiguration(name: "reviews", virtualHosts: [virtualHost], headers: table)
                    )
                )
            ],
            clusters: [Given.cluster("v1", ports: [1]), Cluster(name: "named", discovery: .fixed(assignment))]
        )
    }

    private static func fixture(
        _ forward: RouteAction.Forward,
        path: PathMatcher = .any,
        headers: HeaderMutations = .none,
        host: HeaderMutations = .none,
        table: HeaderMutations = .none,
        change: (inout VirtualHost) -> Void = { _ in },
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step = { _, _ in .status(200) }
    ) throws -> MeshFixture {
        let route = Route(name: "r", match: RouteMatch(path: path), action: .forward(forward), headers: headers)
        return try MeshFixture(resources([route], host: host, table: table, change: change), answer: answer)
    }

    private static func forward(
        to cluster: String = "v1",
        path: PathRewrite? = nil,
        host: HostRewrite? = nil,
        retry: RetryPolicy? = nil
    ) -> RouteAction.Forward {
        RouteAction.Forward(
            target: .clusters(WeightedClusters(single: cluster)),
            pathRewrite: path,
            hostRewrite: host,
            retry: retry
        )
    }

    private static func added(_ name: HeaderName, _ value: String) throws -> HeaderAddition {
        HeaderAddition(name, try HeaderFormat(value))
    }

    /// The response's head, the exchange ended.
    private func head(
        _ fixture: MeshFixture,
        _ request: InMemoryRequest = InMemoryRequest()
    ) async throws -> InMemoryResponse {
        var context = fixture.mesh.makeContext()
        return try await fixture.stack.withResponse(to: request, context: &context) { $0 }
    }

    @Test func `the path is rewritten, and what it was is kept`() async throws {
        let fixture = try Self.fixture(
            Self.forward(path: .prefix("/v2")),
            path: PathMatcher(.prefix("/v1"))
        )
        await fixture.send(InMemoryRequest(path: "/v1/books?id=7"))
        let sent = try #require(fixture.network.sent.first?.request)
        #expect(sent.path == "/v2/books?id=7")
        #expect(sent.value(of: "x-envoy-original-path") == "/v1/books?id=7")
        #expect(fixture.isAtRest)
    }

    @Test func `the authority becomes what the route says`() async throws {
        let literal = try Self.fixture(Self.forward(host: .literal("other:8080")))
        await literal.send()
        #expect(literal.network.sent.first?.request.authority == "other:8080")
        let header = try Self.fixture(Self.forward(host: .header("x-host")))
        await header.send(InMemoryRequest(headers: [("x-host", "named")]))
        await header.send()
        #expect(header.network.sent.map(\.request.authority) == ["named", "reviews"])
    }

    @Test func `the authority becomes the endpoint's host name, where it has one`() async throws {
        let named = try Self.fixture(Self.forward(to: "named", host: .endpoint))
        await named.send()
        #expect(named.network.sent.first?.request.authority == "backend.example")
        let nameless = try Self.fixture(Self.forward(host: .endpoint))
        await nameless.send()
        #expect(nameless.network.sent.first?.request.authority == "reviews")
    }

    @Test func `header changes of all levels are made, the route's first`() async throws {
        var onRoute = HeaderMutations(requestAdditions: [try Self.added("x-level", "route")])
        onRoute.requestRemovals = ["x-secret"]
        onRoute.responseAdditions = [try Self.added("x-answer", "route")]
        let fixture = try Self.fixture(
            Self.forward(),
            headers: onRoute,
            host: HeaderMutations(
                requestAdditions: [try Self.added("x-level", "host")],
                responseRemovals: ["x-internal"]
            ),
            table: HeaderMutations(requestAdditions: [try Self.added("x-level", "table")]),
            answer: { _, _ in .respond(InMemoryResponse(200, headers: ["x-internal": "1", "x-kept": "2"])) }
        )
        let response = try await head(fixture, InMemoryRequest(headers: [("x-secret", "s")]))
        let sent = try #require(fixture.network.sent.first?.request)
        #expect(sent.value(of: "x-level") == "route,host,table" && sent.value(of: "x-secret") == nil)
        #expect(response.headers == ["x-kept": "2", "x-answer": "route"])
    }

    @Test func `attempts say which they are, and the answer how many there were`() async throws {
        let fixture = try Self.fixture(Self.forward(retry: Given.retry(attempts: 3))) { host in
            host.sendsAttemptCount = true
            host.answersAttemptCount = true
        } answer: { _, number in
            .status(number < 2 ? 503 : 200)
        }
        #expect(try await head(fixture).value(of: "x-envoy-attempt-count") == "3")
        #expect(fixture.network.sent.map { $0.request.value(of: "x-envoy-attempt-count") } == ["1", "2", "3"])
        #expect(fixture.isAtRest)
    }

    @Test func `a redirect is the answer, and nothing is sent`() async throws {
        let redirect = Redirect(scheme: "https", host: "new.example", path: .whole("/new"), status: .found)
        let fixture = try MeshFixture(Self.resources([Route(name: "r", action: .redirect(redirect))]))
        let error = try #require(await fixture.send(InMemoryRequest(path: "/old?a=1")).meshError)
        #expect(error.code == .directResponse && error.localReply?.status == 302)
        #expect(error.localReply?.headers == [.init("location", "https://new.example/new?a=1")])
        #expect(fixture.network.sent.isEmpty && error.route == "r")
    }

    @Test func `the route's header changes hold for what it answers itself`() async throws {
        let headers = HeaderMutations(responseAdditions: [try Self.added("x-from", "mesh")])
        let route = Route(
            name: "r",
            action: .directResponse(LocalReply(status: 299, body: "hello")),
            headers: headers
        )
        let fixture = try MeshFixture(Self.resources([route]))
        let error = try #require(await fixture.send().meshError)
        #expect(error.localReply == LocalReply(status: 299, body: "hello", headers: [.init("x-from", "mesh")]))
    }

    @Test func `a host that wants TLS sends those who come without it to https`() async throws {
        let fixture = try Self.fixture(Self.forward()) { $0.requiredTLS = .all }
        let error = try #require(await fixture.send(InMemoryRequest(path: "/a?b")).meshError)
        #expect(error.localReply?.status == 301)
        #expect(error.localReply?.headers == [.init("location", "https://reviews/a?b")])
    }
}
