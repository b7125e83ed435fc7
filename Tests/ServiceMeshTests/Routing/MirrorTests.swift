// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Copies of requests that go elsewhere.
@Suite struct MirrorTests {
    /// `v1` on port 1 answers, `copy` on port 2 gets the copies.
    private static func fixture(
        _ mirrors: [RequestMirror],
        onHost: [RequestMirror] = [],
        maximumCopies: UInt32 = 1024,
        timeout: Nanoseconds? = nil,
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step = { _, _ in .status(200) }
    ) throws -> MeshFixture {
        let forward = RouteAction.Forward(
            target: .clusters(WeightedClusters(single: "v1")),
            timeout: timeout,
            mirrors: mirrors.isEmpty ? nil : mirrors
        )
        var resources = Given.reviews(
            [Route(name: "r", action: .forward(forward))],
            [
                Given.cluster("v1", ports: [1]),
                Given.cluster("copy", ports: [2], maximumRequests: maximumCopies),
            ]
        )
        resources.listeners = resources.listeners.mapValues { listener in
            var listener = listener
            guard case .inline(var routes) = listener.routes else { return listener }
            routes.virtualHosts[0].mirrors = onHost
            listener.routes = .inline(routes)
            return listener
        }
        return try MeshFixture(resources, answer: answer)
    }

    private func copies(_ fixture: MeshFixture) -> [InMemoryTransport.Sent] {
        fixture.network.sent.filter { $0.endpoint?.port == 2 }
    }

    @Test func `a copy goes to the mirror, with the host marked, and the caller gets the other's answer`() async throws
    {
        let fixture = try Self.fixture([RequestMirror(.cluster("copy"))]) { sent, _ in
            .status(sent.endpoint?.port == 2 ? 500 : 200)
        }
        let request = InMemoryRequest(path: "/a?b=1", headers: [("x-user", "jason")])
        #expect(await fixture.send(request).value == 200)
        await fixture.until { copies(fixture).count == 1 && fixture.isAtRest }
        let copy = try #require(copies(fixture).first)
        #expect(copy.request.authority == "reviews-shadow" && copy.request.path == "/a?b=1")
        #expect(copy.request.value(of: "x-user") == "jason" && copy.attempt == 1)
        #expect(fixture.observer.decisions == [PolicyDecision(.mirror, name: "r", .mirrored, because: .chance)])
        // Envoy's default timeout of a route, where this one has none.
        #expect(copy.deadline == Deadline(.seconds(15), after: fixture.clock.now))
    }

    @Test func `the copy has the route's timeout, the literal host, and its mark only where it is wanted`() async throws
    {
        var mirror = RequestMirror(.cluster("copy"), appendsShadowSuffix: false)
        let plain = try Self.fixture([mirror], timeout: .seconds(3))
        await plain.send()
        await plain.until { copies(plain).count == 1 }
        #expect(copies(plain).first?.request.authority == "reviews")
        #expect(copies(plain).first?.deadline == Deadline(.seconds(3), after: plain.clock.now))
        mirror.host = "other:80"
        let literal = try Self.fixture([mirror])
        await literal.send()
        await literal.until { copies(literal).count == 1 }
        #expect(copies(literal).first?.request.authority == "other:80")
    }

    @Test func `a share of the requests is copied`() async throws {
        let half = RuntimeFraction(FractionalPercent(numerator: 50))
        let fixture = try Self.fixture([RequestMirror(.cluster("copy"), fraction: half)])
        for _ in 0..<400 { await fixture.send() }
        await fixture.until { fixture.isAtRest && fixture.network.sent.count - 400 == fixture.observer.decisions.count }
        #expect((150...250).contains(copies(fixture).count))
    }

    @Test func `what is on the host holds for routes that say nothing of copies`() async throws {
        let fixture = try Self.fixture([], onHost: [RequestMirror(.cluster("copy"))])
        await fixture.send()
        await fixture.until { copies(fixture).count == 1 }
        #expect(copies(fixture).count == 1)
    }

    @Test func `a request may name the mirror, and one that names none is not copied`() async throws {
        let fixture = try Self.fixture([RequestMirror(.header("x-mirror"))])
        await fixture.send()
        await fixture.send(InMemoryRequest(headers: [("x-mirror", "nowhere")]))
        await fixture.send(InMemoryRequest(headers: [("x-mirror", "copy")]))
        await fixture.until { copies(fixture).count == 1 }
        #expect(copies(fixture).count == 1 && fixture.network.sent.count == 4)
    }

    @Test func `a body that can be read once is not copied, and somebody hears of it`() async throws {
        let fixture = try Self.fixture([RequestMirror(.cluster("copy"))])
        #expect(await fixture.send(InMemoryRequest(method: "POST", isReplayable: false)).value == 200)
        #expect(copies(fixture).isEmpty)
        #expect(fixture.observer.decisions == [PolicyDecision(.mirror, name: "r", .refused, because: .unreplayable)])
    }

    @Test func `a mirror that does not answer delays nobody, and takes no more than its cluster admits`() async throws {
        let fixture = try Self.fixture([RequestMirror(.cluster("copy"))], maximumCopies: 2) { sent, _ in
            sent.endpoint?.port == 2 ? .respondAfter(.seconds(60), InMemoryResponse(200)) : .status(200)
        }
        for _ in 0..<5 { #expect(await fixture.send().value == 200) }
        await fixture.until { copies(fixture).count == 2 }
        #expect(copies(fixture).count == 2)
        await fixture.clock.waitForSleepers(2)
        fixture.clock.advance(by: .seconds(15))
        await fixture.until { fixture.isAtRest }
        #expect(fixture.isAtRest)
    }
}
