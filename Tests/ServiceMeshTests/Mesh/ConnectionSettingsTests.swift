// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

@Suite struct ConnectionSettingsTests {
    private static let options = ConnectionOptions(
        httpVersion: .http2,
        idleTimeout: .seconds(30),
        maximumAge: .seconds(600),
        maximumRequests: 1000,
        maximumConcurrentStreams: 10,
        keepaliveInterval: .seconds(10),
        keepaliveTimeout: .seconds(5),
        preconnectRatio: 1.5
    )
    private static let proxy = EndpointAddress(host: "proxy", port: 3128)

    private static func resources(_ change: (inout Cluster) -> Void = { _ in }) -> MeshResources {
        var resources = Given.simple(
            ports: [1, 2],
            outlierDetection: OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 50),
            circuitBreaker: CircuitBreakerConfiguration(minimumCalls: 1)
        )
        resources.clusters["v1"].map { cluster in
            var cluster = cluster
            change(&cluster)
            resources.clusters["v1"] = cluster
        }
        return resources
    }

    @Test func `an endpoint carries its cluster's name, options and proxy to the transport`() throws {
        let own = EndpointAddress(host: "own", port: 8080)
        let fixture = try MeshFixture(
            Self.resources { cluster in
                cluster.connection = Self.options
                cluster.proxy = .address(Self.proxy)
                cluster.discovery = .fixed(
                    EndpointAssignment(
                        name: "v1",
                        localities: [
                            LocalityEndpoints(endpoints: [
                                ClusterEndpoint(Given.address(1)), ClusterEndpoint(Given.address(2), proxy: own),
                            ])
                        ]
                    )
                )
            }
        )
        let endpoints = try #require(fixture.cluster("v1")).endpoints.map(\.endpoint)
        #expect(endpoints.map(\.connection) == [Self.options, Self.options])
        #expect(endpoints.map(\.proxy) == [Self.proxy, own])
        #expect(endpoints.map(\.cluster) == ["v1", "v1"])
    }

    @Test func `two clusters of one address have endpoints of their own`() throws {
        var resources = Given.simple()
        resources.clusters["v2"] = Given.cluster("v2", ports: [1])
        let fixture = try MeshFixture(resources)
        let endpoints = ["v1", "v2"].compactMap { fixture.cluster($0)?.endpoints.first?.endpoint }
        #expect(Set(endpoints).count == 2 && Set(endpoints.map(\.address)).count == 1)
    }

    static let changes: [@Sendable (inout Cluster) -> Void] = [
        { $0.connection = options }, { $0.proxy = .address(proxy) }, { $0.connectTimeout = .seconds(1) },
        { $0.concurrencyLimit.maximumConnections = 1 },
    ]

    @Test(arguments: 0..<changes.count)
    func `a push that changes only how connections are made keeps what is held against endpoints`(
        number: Int
    ) async throws {
        let fixture = try MeshFixture(Self.resources()) { sent, _ in
            sent.endpoint?.port == 1 ? .status(500) : .status(200)
        }
        for _ in 0..<2 { await fixture.send() }
        let before = try #require(fixture.cluster("v1"))
        let held = before.endpoints.map { $0.ejectedUntil.load(ordering: .relaxed) }
        let breaker = try #require(before.live.existingBreaker(for: Given.address(1)))
        #expect(held[0] > 0 && held[1] == 0)
        try fixture.mesh.apply(Self.resources(Self.changes[number]))
        let after = try #require(fixture.cluster("v1"))
        #expect(after.live === before.live)
        #expect(after.live.existingBreaker(for: Given.address(1)) === breaker)
        #expect(after.endpoints.map { $0.ejectedUntil.load(ordering: .relaxed) } == held)
        #expect(zip(before.endpoints, after.endpoints).allSatisfy { $0.endpoint != $1.endpoint })
        await fixture.send()
        #expect(fixture.network.sent.last?.endpoint?.port == 2)
    }
}
