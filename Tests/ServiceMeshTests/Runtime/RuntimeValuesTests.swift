// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Requests that meet the values of the runtime.
@Suite struct RuntimeValuesTests {
    private static let clusters = [Given.cluster("v1", ports: [1]), Given.cluster("v2", ports: [2])]

    /// A share of requests goes to `v2`, all others to `v1`.
    private static func split(_ percent: UInt32, key: String) -> [Route] {
        let fraction = RuntimeFraction(FractionalPercent(numerator: percent), key: key)
        return [
            Route(name: "share", match: RouteMatch(fraction: fraction), action: Given.forward(to: "v2")),
            Route(name: "rest", action: Given.forward(to: "v1")),
        ]
    }

    private static func with(_ resources: MeshResources, _ values: [String: RuntimeValue]) -> MeshResources {
        var resources = resources
        resources.runtimeLayers = values.isEmpty ? [] : [RuntimeLayer(name: "rtds", values: values)]
        return resources
    }

    private func share(of port: UInt16, _ fixture: MeshFixture, requests: Int = 1000) async -> Int {
        let before = fixture.attemptsByPort[port] ?? 0
        for _ in 0..<requests { await fixture.send() }
        return (fixture.attemptsByPort[port] ?? 0) - before
    }

    @Test func `the share of a route is the layer's, from the next request on, and its own again without it`()
        async throws
    {
        let resources = Given.reviews(Self.split(0, key: "routing.share"), Self.clusters)
        let fixture = try MeshFixture(resources)
        #expect(await share(of: 2, fixture) == 0)
        try fixture.mesh.apply(Self.with(resources, ["routing.share": .integer(100)]))
        #expect(await share(of: 2, fixture) == 1000)
        try fixture.mesh.apply(Self.with(resources, ["routing.share": .integer(25)]))
        #expect((200...300).contains(await share(of: 2, fixture)))
        let half = RuntimeValue.fraction(FractionalPercent(numerator: 500_000, denominator: .million))
        try fixture.mesh.apply(Self.with(resources, ["routing.share": half]))
        #expect((440...560).contains(await share(of: 2, fixture)))
        try fixture.mesh.apply(resources)
        #expect(await share(of: 2, fixture) == 0)
    }

    @Test func `weights are the layer's`() async throws {
        let shares = [WeightedCluster("v1", weight: 1), WeightedCluster("v2", weight: 0)]
        let split = try WeightedClusters(shares, runtimeKeyPrefix: "w")
        let resources = Given.reviews([Route(action: .forward(.init(clusters: split)))], Self.clusters)
        let fixture = try MeshFixture(resources)
        #expect(await share(of: 2, fixture) == 0)
        try fixture.mesh.apply(Self.with(resources, ["w.v1": .integer(0), "w.v2": .integer(5)]))
        #expect(await share(of: 2, fixture) == 1000)
        try fixture.mesh.apply(Self.with(resources, ["w.v2": .integer(1)]))
        #expect((440...560).contains(await share(of: 2, fixture)))
    }

    @Test func `copies are made of the layer's share`() async throws {
        var forward = RouteAction.Forward(target: .clusters(WeightedClusters(single: "v1")))
        forward.mirrors = [RequestMirror(.cluster("v2"), fraction: RuntimeFraction(.none, key: "copies"))]
        let resources = Given.reviews([Route(action: .forward(forward))], Self.clusters)
        let fixture = try MeshFixture(resources)
        #expect(await share(of: 2, fixture, requests: 10) == 0)
        try fixture.mesh.apply(Self.with(resources, ["copies": .integer(100)]))
        await fixture.send()
        await fixture.until { fixture.attemptsByPort[2] == 1 }
        #expect(fixture.attemptsByPort[2] == 1)
    }

    @Test func `faults are switched on and off, of a route and of a listener`() async throws {
        let fault = FaultConfiguration(abort: .init(status: 418, percentage: .none))
        let onRoute = Given.reviews([Route(action: Given.forward(to: "v1"), fault: fault)], Self.clusters)
        let onListener = Given.reviews(
            [Route(action: Given.forward(to: "v1"))],
            Self.clusters,
            filters: [.fault(fault)]
        )
        for resources in [onRoute, onListener] {
            let fixture = try MeshFixture(resources)
            #expect(await fixture.send().value == 200)
            let values: [String: RuntimeValue] = ["fault.http.abort.abort_percent": .integer(100)]
            try fixture.mesh.apply(Self.with(resources, values))
            #expect(await fixture.send().meshError?.localReply?.status == 418)
            let other = values.merging(["fault.http.abort.http_status": .integer(503)]) { $1 }
            try fixture.mesh.apply(Self.with(resources, other))
            #expect(await fixture.send().meshError?.localReply?.status == 503)
            try fixture.mesh.apply(resources)
            #expect(await fixture.send().value == 200)
        }
    }

    @Test func `endpoints that change alone leave the runtime in force`() async throws {
        var resources = Given.reviews(Self.split(0, key: "routing.share"), [Cluster(name: "v1"), Cluster(name: "v2")])
        for (name, port) in [("v1", 1), ("v2", 2)] as [(String, UInt16)] {
            resources.endpointAssignments[name] = EndpointAssignment(name: name, addresses: [Given.address(port)])
        }
        resources = Self.with(resources, ["routing.share": .integer(100), "nobody": .integer(1)])
        let fixture = try MeshFixture(resources)
        #expect(await fixture.send().value == 200)
        #expect(fixture.attemptsByPort == [2: 1])
        resources.endpointAssignments["v2"] = EndpointAssignment(name: "v2", addresses: [Given.address(3)])
        try fixture.mesh.apply(resources, changing: ["v2"], from: "code")
        #expect(await fixture.send().value == 200)
        #expect(fixture.attemptsByPort == [2: 1, 3: 1])
        #expect(fixture.mesh.status.sources.first { $0.name == "runtime" }?.ignored.count == 1)
    }

    @Test func `a bad layer is refused as a whole, and what was in force stays`() async throws {
        let resources = Given.reviews(Self.split(0, key: "routing.share"), Self.clusters)
        let fixture = try MeshFixture(Self.with(resources, ["routing.share": .integer(100)]))
        let bad = Self.with(resources, ["routing.share": .number(.nan)])
        let error = #expect(throws: ConfigurationError.self) { try fixture.mesh.apply(bad) }
        #expect("\(try #require(error))".contains("runtimeLayers[0].values[routing.share]"))
        #expect(await share(of: 2, fixture, requests: 10) == 10)
    }

    @Test func `the process's own values are the first layer`() throws {
        let resources = Given.reviews(Self.split(0, key: "a"), Self.clusters)
        let mesh = try Mesh(MeshConfiguration(runtime: ["a": .integer(1), "b": .integer(1)]))
        try mesh.apply(resources)
        #expect(mesh.status.runtime == ["a = 1, layer MeshConfiguration.runtime"])
        try mesh.apply(Self.with(resources, ["a": .integer(2)]))
        #expect(mesh.status.runtime == ["a = 2, layer rtds"])
        let route = mesh.loadSnapshot().source?.resources.listeners["reviews:9080"]?.routes
        guard case .inline(let table)? = route else {
            Issue.record("the routes are gone")
            return
        }
        #expect(table.virtualHosts.first?.routes.first?.match.fraction?.share == FractionalPercent(numerator: 2))
    }

    @Test func `values of the process's own that cannot be are refused at once`() throws {
        let bad = MeshConfiguration(runtime: ["a": .number(.nan)])
        let error = #expect(throws: ConfigurationError.self) { try Mesh(bad) }
        #expect(try #require(error).problems.map(\.path) == ["runtime.values[a]"])
    }

    @Test func `explanations tell values with their layers, and observers what nothing asks for`() throws {
        let resources = Given.reviews(Self.split(0, key: "routing.share"), Self.clusters)
        let layered = Self.with(resources, ["routing.share": .integer(25), "nobody": .boolean(true)])
        let fixture = try MeshFixture(layered)
        let explanation = fixture.mesh.explain(InMemoryRequest())
        #expect(explanation["runtime"] == "routing.share = 25, layer rtds")
        #expect(explanation.facts.filter { $0.name == "runtime" }.count == 1)
        let unknown = fixture.mesh.explain(InMemoryRequest(authority: "elsewhere"))
        let reason = "nothing in the configuration asks for it"
        #expect(unknown["ignored"] == "runtime layer rtds: nobody: \(reason)")
        func told() -> [[IgnoredField]] {
            fixture.observer.events.compactMap {
                if case .configurationIgnored("runtime", let fields) = $0 { fields } else { nil }
            }
        }
        let field = IgnoredField(.runtimeLayer("rtds"), path: "nobody", reason: reason)
        #expect(told() == [[field]])
        try fixture.mesh.apply(layered)
        #expect(told() == [[field]])
        #expect(fixture.mesh.status.sources.map(\.ignored) == [[field.description]])
        #expect(fixture.mesh.status.runtime == ["routing.share = 25, layer rtds"])
        try fixture.mesh.apply(resources)
        #expect(fixture.mesh.status.sources.isEmpty && fixture.mesh.status.runtime.isEmpty)
    }

    @Test func `of two sources the later one's layer wins`() throws {
        let mesh = try Mesh()
        let resources = Given.reviews(Self.split(0, key: "a"), Self.clusters)
        try mesh.apply(Self.with(resources, ["a": .integer(1)]), from: "one")
        var other = MeshResources()
        other.runtimeLayers = [RuntimeLayer(name: "other", values: ["a": .integer(2)])]
        try mesh.apply(other, from: "two")
        #expect(mesh.status.runtime == ["a = 2, layer other"])
        try mesh.apply(MeshResources(), from: "two")
        #expect(mesh.status.runtime == ["a = 1, layer rtds"])
    }
}
