// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// What of a configuration has no effect, as observers and explanations tell it.
@Suite struct IgnoredFieldTests {
    private static func ignored(_ path: String) -> IgnoredField {
        IgnoredField(.listener("reviews:9080"), path: path, reason: "is not supported")
    }

    private static func told(_ fixture: MeshFixture) -> [[IgnoredField]] {
        fixture.observer.events.compactMap {
            if case .configurationIgnored("code", let fields) = $0 { fields } else { nil }
        }
    }

    @Test func `observers hear of it when it changes, and not with every push`() throws {
        var resources = Given.reviews([Route(name: "r", action: Given.forward(to: "v1"))], [])
        let fixture = try MeshFixture(resources)
        #expect(Self.told(fixture).isEmpty)
        resources.ignored = [Self.ignored("a")]
        try fixture.mesh.apply(resources)
        try fixture.mesh.apply(resources)
        #expect(Self.told(fixture) == [[Self.ignored("a")]])
        resources.ignored.append(Self.ignored("b"))
        try fixture.mesh.apply(resources)
        #expect(Self.told(fixture).last == [Self.ignored("a"), Self.ignored("b")])
    }

    @Test func `an explanation tells what is left out of the resources that decide, at most 64 of it`() throws {
        var resources = Given.reviews([Route(name: "r", action: Given.forward(to: "v1"))], [])
        resources.ignored = [
            Self.ignored("a"), IgnoredField(.cluster("v1"), path: "b", reason: "c"),
            IgnoredField(.cluster("v2"), path: "d", reason: "e"),
        ]
        let fixture = try MeshFixture(resources)
        func told(_ request: InMemoryRequest) -> [String] {
            fixture.mesh.explain(request).facts.filter { $0.name == "ignored" }.map(\.value)
        }
        #expect(told(InMemoryRequest()) == ["listener reviews:9080: a: is not supported", "cluster v1: b: c"])
        // Whatever was left out may be why nobody serves a host.
        #expect(told(InMemoryRequest(authority: "elsewhere")).count == 3)
        resources.ignored = (0..<100).map { Self.ignored("\($0)") }
        try fixture.mesh.apply(resources)
        #expect(told(InMemoryRequest()).count == 65 && told(InMemoryRequest()).last == "and 36 more")
    }

    @Test func `what callers ask for in fields is told as theirs`() throws {
        let mesh = try Mesh(MeshConfiguration(requestHeaderTrust: .trusted))
        try mesh.apply(Given.reviews([Route(action: Given.forward(to: "v1", timeout: .seconds(3)))], []))
        let asked = mesh.explain(
            InMemoryRequest(headers: [
                ("x-envoy-upstream-rq-timeout-ms", "250"), ("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "4"),
            ])
        )
        #expect(asked["timeout"]?.hasSuffix("from the request's x-envoy-upstream-rq-timeout-ms") == true)
        #expect(asked["retry"]?.hasPrefix("up to 5 attempts on 5xx") == true)
        #expect(mesh.explain(InMemoryRequest())["timeout"]?.hasSuffix("from the route") == true)
    }
}
