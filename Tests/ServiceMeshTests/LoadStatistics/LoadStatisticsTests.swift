// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshTesting
import Testing

@testable import ServiceMesh

@Suite("What is counted of requests for a control plane")
struct LoadStatisticsTests {
    private static func resources(
        metrics: Set<String> = [],
        maximumRequests: UInt32 = 1024,
        drops: [EndpointAssignment.DropOverload] = [],
        retry: RetryPolicy? = nil
    ) -> MeshResources {
        var resources = Given.simple(retry: retry, maximumRequests: maximumRequests)
        var assignment = EndpointAssignment(
            name: "v1",
            localities: [("a", 1), ("b", 2)].map { zone, port in
                LocalityEndpoints(locality: Locality(zone: zone), endpoints: [ClusterEndpoint(Given.address(port))])
            }
        )
        assignment.dropOverloads = drops
        resources.clusters["v1"]?.discovery = .fixed(assignment)
        resources.clusters["v1"]?.loadStatistics = LoadStatisticsPlan(metrics: LoadMetricSelection(metrics))
        return resources
    }

    private static func take(_ fixture: MeshFixture) -> LoadStatisticsReport? {
        LoadStatisticsFeed(fixture.mesh.loadStatistics, source: "x").take(nil, at: fixture.clock.now).first
    }

    @Test func `each attempt counts where its endpoint is`() async throws {
        let fixture = try MeshFixture(Self.resources()) { sent, _ in .status(sent.endpoint?.port == 1 ? 200 : 503) }
        for _ in 0..<10 { await fixture.send() }
        fixture.clock.advance(by: .seconds(3))
        let report = try #require(Self.take(fixture))
        #expect(report.cluster == "v1" && report.span == .seconds(3))
        #expect(
            report.places == [
                .init(locality: Locality(zone: "a"), issued: 5, succeeded: 5),
                .init(locality: Locality(zone: "b"), issued: 5, failed: 5),
            ]
        )
        #expect(Self.take(fixture) == nil)
        #expect(fixture.isAtRest)
    }

    @Test func `a retry is an attempt like any other`() async throws {
        let fixture = try MeshFixture(Self.resources(retry: Given.retry())) { sent, _ in
            .status(sent.endpoint?.port == 1 ? 200 : 503)
        }
        for _ in 0..<4 { #expect(await fixture.send().value == 200) }
        let places = try #require(Self.take(fixture)).places
        #expect(places.map(\.succeeded).reduce(0, +) == 4)
        #expect(places.map(\.issued).reduce(0, +) == UInt64(fixture.network.sent.count))
        #expect(fixture.network.sent.count > 4)
    }

    @Test func `a request counts as under way until its body has ended`() async throws {
        let fixture = try MeshFixture(Self.resources())
        var context = fixture.mesh.makeContext()
        let during = try await fixture.stack.withResponse(to: InMemoryRequest(), context: &context) { _ in
            Self.take(fixture)
        }
        #expect(during?.places.map(\.inProgress) == [1])
        #expect(Self.take(fixture)?.places.map(\.succeeded) == [1])
    }

    @Test func `what an endpoint could not be reached for is its failure`() async throws {
        let fixture = try MeshFixture(Self.resources()) { _, _ in
            .fail(MeshError(.connectionFailed, origin: .upstream, message: "refused"))
        }
        await fixture.send()
        #expect(Self.take(fixture)?.places.map(\.failed) == [1])
    }

    @Test func `shares that are dropped count by their category`() async throws {
        let drop = EndpointAssignment.DropOverload(category: "throttle", share: FractionalPercent(numerator: 30))
        let fixture = try MeshFixture(Self.resources(drops: [drop]), seed: 9)
        var dropped: UInt64 = 0
        for _ in 0..<200 where await fixture.send().meshError?.code == .dropOverload { dropped += 1 }
        let report = try #require(Self.take(fixture))
        #expect(dropped > 0 && report.dropped == ["throttle": dropped])
        #expect(report.totalDropped == dropped)
        #expect(report.places.map(\.issued).reduce(0, +) == 200 - dropped)
    }

    @Test func `requests over the cluster's limit count as dropped, without a category`() async throws {
        let fixture = try MeshFixture(Self.resources(maximumRequests: 0))
        #expect(await fixture.send().meshError?.code == .overflow)
        let report = try #require(Self.take(fixture))
        #expect(report.overLimit == 1 && report.dropped.isEmpty && report.totalDropped == 1)
    }

    @Test func `metrics that are asked for are summed up, whatever the balancer`() async throws {
        let fixture = try MeshFixture(Self.resources(metrics: ["cpu_utilization", "named_metrics.*"])) { _, _ in
            let report = "TEXT cpu_utilization:0.5,mem_utilization:0.1,named_metrics.queue:3"
            return .respond(InMemoryResponse(200, headers: ["endpoint-load-metrics": report]))
        }
        for _ in 0..<4 { await fixture.send() }
        let places = try #require(Self.take(fixture)).places
        #expect(
            places.map(\.metrics)
                == Array(
                    repeating: [
                        "cpu_utilization": LoadMetricSum(count: 2, total: 1),
                        "named_metrics.queue": LoadMetricSum(count: 2, total: 6),
                    ],
                    count: 2
                )
        )
    }

    @Test func `without a selection nobody looks for load reports`() async throws {
        let fixture = try MeshFixture(Self.resources())
        #expect(fixture.cluster("v1")?.observesLoad == false)
    }

    @Test func `pushes that leave a cluster alone leave its counts alone`() async throws {
        let fixture = try MeshFixture(Self.resources())
        await fixture.send()
        var other = Self.resources(metrics: ["eps"])
        other.clusters["v2"] = Given.cluster("v2", ports: [9])
        try fixture.mesh.apply(other)
        await fixture.send()
        #expect(Self.take(fixture)?.places.map(\.issued).reduce(0, +) == 2)
    }

    @Test func `a cluster that goes away is told of once more`() async throws {
        let fixture = try MeshFixture(Self.resources())
        await fixture.send()
        try fixture.mesh.apply(MeshResources())
        #expect(Self.take(fixture)?.places.map(\.succeeded) == [1])
        #expect(Self.take(fixture) == nil)
    }

    @Test func `a cluster whose control plane asks for nothing is not counted`() async throws {
        let fixture = try MeshFixture(Given.simple())
        await fixture.send()
        #expect(fixture.cluster("v1")?.endpoints.first?.loadStatistics == nil)
        #expect(Self.take(fixture) == nil)
    }

    @Test func `explanations say who is told, and when`() async throws {
        let fixture = try MeshFixture(Self.resources(metrics: ["eps"]))
        func explained() -> String { fixture.mesh.explain(InMemoryRequest()).description }
        #expect(explained().contains("counted for whichever control plane asks, with eps; not read yet"))
        _ = Self.take(fixture)
        fixture.clock.advance(by: .seconds(2))
        #expect(explained().contains("read once, last 2.0 seconds ago"))
    }

    @Test func `metrics that no report has are refused with their path`() throws {
        let error = #expect(throws: ConfigurationError.self) { try Self.resources(metrics: ["cpu"]).validate() }
        #expect(error?.problems.map(\.path) == ["clusters[v1].loadStatistics.metrics.names[cpu]"])
    }
}
