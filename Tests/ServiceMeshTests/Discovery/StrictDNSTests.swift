// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

@Suite struct StrictDNSTests {
    private struct Unknown: Error {}

    @Test func `every address of a name is an endpoint, and the name is looked up again`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1", "10.0.0.2"]])
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources())
            try await fixture.mesh.ready(timeout: .seconds(60))
            #expect(fixture.addresses() == ["10.0.0.1:80", "10.0.0.2:80"])
            let endpoints = try #require(fixture.cluster()).endpoints
            #expect(endpoints.allSatisfy { $0.endpoint.hostname == "reviews.example" })
            let generation = fixture.mesh.snapshot?.generation
            fixture.resolver.set("reviews.example", to: ["10.0.0.2", "10.0.0.3"])
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(2)
            #expect(fixture.addresses() == ["10.0.0.2:80", "10.0.0.3:80"])
            // It is the same configuration, and the endpoint that stays is the same one.
            #expect(fixture.mesh.snapshot?.generation == generation)
            #expect(fixture.cluster()?.endpoints.first === endpoints.last)
            #expect(fixture.outcomes == [.changed, .changed])
            #expect(fixture.resolver.lookups.map(\.family) == [.automatic, .automatic])
        }
    }

    @Test func `an answer that changes nothing compiles nothing`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1", "10.0.0.2"]])
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources())
            try await fixture.mesh.ready(timeout: .seconds(60))
            let snapshot = fixture.mesh.loadSnapshot()
            fixture.resolver.set("reviews.example", to: ["10.0.0.2", "10.0.0.1"])
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(2)
            #expect(fixture.mesh.loadSnapshot() === snapshot)
            #expect(fixture.outcomes == [.changed, .unchanged])
        }
    }

    @Test func `empty and failed lookups keep the last endpoints`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1"]])
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources())
            try await fixture.mesh.ready(timeout: .seconds(60))
            fixture.resolver.set("reviews.example", to: [])
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(2)
            fixture.resolver["reviews.example"] = .failure(Unknown())
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(3)
            fixture.resolver["reviews.example"] = .silence
            fixture.clock.advance(by: .seconds(5))
            await fixture.resolver.waitForLookups(4)
            // The lookup's time-out, and the sleeper of outlier detection.
            await fixture.clock.waitForSleepers(2)
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(4)
            #expect(fixture.outcomes == [.changed, .empty, .failed, .timedOut])
            #expect(fixture.lookupsEnded.map(\.failuresInRow) == [0, 1, 2, 3])
            #expect(fixture.lookupsEnded.map(\.addresses) == [1, 1, 1, 1])
            #expect(fixture.addresses() == ["10.0.0.1:80"])
            #expect(try await fixture.send() == 200)
            #expect(fixture.resolver.lookupsUnderWay == 0)
        }
    }

    @Test func `failures are followed by the back-off's waits`() async throws {
        let fixture = try DiscoveryFixture()
        fixture.resolver["reviews.example"] = .failure(Unknown())
        let settings = DNSDiscovery(failureBackoff: .init(base: .seconds(100), maximum: .seconds(100)))
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(["reviews.example"], settings))
            await fixture.lookups(1)
            let next = try #require(fixture.mesh.hosts.state.withLock { $0.names.values.first?.machine.nextLookup })
            #expect(next > fixture.clock.now.advanced(by: .seconds(5)))
            fixture.clock.advance(by: Nanoseconds(rawValue: next.elapsed(since: fixture.clock.now).rawValue - 1))
            try await fixture.mesh.ready(timeout: .seconds(1))
            #expect(fixture.resolver.lookups.count == 1)
            fixture.clock.advance(by: Nanoseconds(rawValue: 1))
            await fixture.lookups(2)
            #expect(fixture.resolver.lookups.count == 2)
        }
    }

    @Test func `what is remembered of an endpoint survives a change beside it`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1", "10.0.0.2"]]) { sent, _ in
            sent.endpoint?.host == "10.0.0.1" ? .status(500) : .status(200)
        }
        let detection = OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 50)
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(outlierDetection: detection))
            try await fixture.mesh.ready(timeout: .seconds(60))
            for _ in 0..<2 { _ = try await fixture.send() }
            let before = try #require(fixture.cluster())
            #expect(before.endpoints.map { $0.isAvailable(at: fixture.clock.now) } == [false, true])
            fixture.resolver.set("reviews.example", to: ["10.0.0.3", "10.0.0.1", "10.0.0.2"])
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(2)
            let after = try #require(fixture.cluster())
            #expect(after.live === before.live)
            #expect(after.endpoints[1] === before.endpoints[0] && after.endpoints[2] === before.endpoints[1])
            #expect(!after.endpoints[1].isAvailable(at: fixture.clock.now))
        }
    }

    @Test func `a change of one cluster's names leaves the others as they are`() async throws {
        let fixture = try DiscoveryFixture(["a.example": ["10.0.0.1"], "b.example": ["10.0.0.2"]])
        try await fixture.running {
            var resources = DiscoveryFixture.resources(["a.example"])
            resources.clusters["v2"] = DiscoveryFixture.resources(["b.example"]).clusters["v1"]
            resources.clusters["v2"]?.name = "v2"
            try fixture.mesh.apply(resources)
            try await fixture.mesh.ready(timeout: .seconds(60))
            let (first, second) = (fixture.cluster("v1"), fixture.cluster("v2"))
            fixture.resolver.set("b.example", to: ["10.0.0.3"])
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(4)
            #expect(fixture.cluster("v1") === first && fixture.cluster("v2") !== second)
            #expect(fixture.addresses("v2") == ["10.0.0.3:80"])
        }
    }

    @Test func `of two names with one address the first has it, each with its weight and locality`() async throws {
        let fixture = try DiscoveryFixture([
            "a.example": ["10.0.0.1", "10.0.0.2"], "b.example": ["10.0.0.2", "10.0.0.3"],
        ])
        var resources = DiscoveryFixture.resources()
        let groups = [("a.example", 3), ("b.example", 5)].enumerated().map { number, name -> LocalityEndpoints in
            let address = EndpointAddress(host: name.0, port: 80)
            return LocalityEndpoints(
                locality: Locality(region: name.0),
                priority: UInt32(number),
                endpoints: [ClusterEndpoint(address, weight: UInt32(name.1), hostname: number == 1 ? "own" : "")]
            )
        }
        resources.clusters["v1"]?.discovery = .dns(EndpointAssignment(name: "v1", localities: groups), .strict)
        try await fixture.running { [resources] in
            try fixture.mesh.apply(resources)
            try await fixture.mesh.ready(timeout: .seconds(60))
            #expect(fixture.addresses() == ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"])
            let endpoints = try #require(fixture.cluster()).endpoints
            #expect(endpoints.map(\.weight) == [3, 3, 5] && endpoints.map(\.priority) == [0, 0, 1])
            #expect(endpoints.map(\.endpoint.hostname) == ["a.example", "a.example", "own"])
        }
    }

    @Test func `addresses that stand in the cluster are not looked up`() async throws {
        let fixture = try DiscoveryFixture(["a.example": ["10.0.0.2"]])
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(["10.0.0.1", "a.example", "::1"]))
            try await fixture.mesh.ready(timeout: .seconds(60))
            #expect(fixture.addresses() == ["10.0.0.1:80", "10.0.0.2:80", "[::1]:80"])
            #expect(fixture.resolver.lookups.map(\.host) == ["a.example"])
        }
    }
}
