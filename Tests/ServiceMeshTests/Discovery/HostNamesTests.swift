// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import ServiceMesh

@Suite struct HostNamesTests {
    @Test func `until its first lookup has ended a name goes to the transport, and then only what it has`() async throws
    {
        let fixture = try DiscoveryFixture(["a.example": ["10.0.0.1"]])
        fixture.resolver["b.example"] = .silence
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(["a.example", "b.example"]))
            await fixture.watch.wait(for: 1)
            // One more push, so that what the first name gave is in force whoever was quicker.
            try fixture.mesh.apply(DiscoveryFixture.resources(["a.example", "b.example"]))
            #expect(fixture.addresses() == ["10.0.0.1:80", "b.example:80"])
            // Those of the lookup's time-out, of outlier detection and of the next lookup.
            await fixture.clock.waitForSleepers(3)
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(3)
            #expect(fixture.addresses() == ["10.0.0.1:80"])
        }
    }

    @Test func `a mesh is ready when each name was looked up once`() async throws {
        let fixture = try DiscoveryFixture()
        fixture.resolver["reviews.example"] = .silence
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources())
            await fixture.resolver.waitForLookups(1)
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fixture.mesh.ready(timeout: .seconds(2)) }
                // Those of the lookup's time-out, of outlier detection and of `ready`.
                await fixture.clock.waitForSleepers(3)
                fixture.clock.advance(by: .seconds(2))
                await #expect {
                    try await group.next()
                } throws: {
                    ($0 as? MeshError)?.code == .notReady && "\($0)".contains("host names")
                }
            }
            fixture.clock.advance(by: .seconds(3))
            try await fixture.mesh.ready(timeout: .seconds(60))
            #expect(fixture.outcomes == [.timedOut])
            #expect(fixture.addresses() == [])
        }
    }

    @Test func `a name that no cluster has any more is looked up no more, at once`() async throws {
        let fixture = try DiscoveryFixture()
        fixture.resolver["reviews.example"] = .silence
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources())
            await fixture.resolver.waitForLookups(underWay: 1)
            try fixture.mesh.apply(Given.simple())
            await fixture.resolver.waitForLookups(underWay: 0)
            fixture.clock.advance(by: .seconds(60))
            try await fixture.mesh.ready(timeout: .seconds(60))
            #expect(fixture.lookupsEnded.isEmpty && fixture.resolver.lookups.count == 1)
        }
    }

    @Test func `lookups end with the mesh, and what they gave stays`() async throws {
        let fixture = try DiscoveryFixture(["a.example": ["10.0.0.1"]])
        fixture.resolver["b.example"] = .silence
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(["a.example", "b.example"]))
            await fixture.watch.wait(for: 1)
            await fixture.resolver.waitForLookups(2)
        }
        #expect(fixture.resolver.lookupsUnderWay == 0 && fixture.lookupsEnded.count == 1)
        try fixture.mesh.apply(DiscoveryFixture.resources(["a.example", "b.example"]))
        #expect(fixture.addresses() == ["10.0.0.1:80", "b.example:80"])
        try await fixture.mesh.ready(timeout: .seconds(1))
        // It can be run again.
        try await fixture.running { await fixture.resolver.waitForLookups(underWay: 1) }
        #expect(fixture.resolver.lookupsUnderWay == 0)
    }

    @Test func `no more lookups are under way than sixteen`() async throws {
        let fixture = try DiscoveryFixture()
        let names = (0..<40).map { "h\($0).example" }
        for name in names { fixture.resolver[name] = .silence }
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(names))
            for ended in [16, 32, 40] {
                await fixture.resolver.waitForLookups(ended)
                // Those of the time-outs, and of outlier detection.
                await fixture.clock.waitForSleepers(1 + (ended == 40 ? 8 : 16))
                fixture.clock.advance(by: .seconds(5))
                await fixture.watch.wait(for: ended)
            }
            #expect(fixture.resolver.mostLookupsUnderWay == 16)
            #expect(Set(fixture.resolver.lookups.map(\.host)).count == 40)
        }
    }

    @Test func `clusters with one name share its lookups, and the one that asks most often decides`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1"]])
        try await fixture.running {
            var resources = DiscoveryFixture.resources()
            for (name, seconds) in [("v2", 60), ("v3", 2)] as [(String, UInt64)] {
                let settings = DNSDiscovery(kind: .logical, refreshInterval: .seconds(seconds))
                resources.clusters[name] = DiscoveryFixture.resources(["reviews.example"], settings).clusters["v1"]
                resources.clusters[name]?.name = name
            }
            try fixture.mesh.apply(resources)
            try await fixture.mesh.ready(timeout: .seconds(60))
            #expect(fixture.resolver.lookups.count == 1)
            fixture.clock.advance(by: .seconds(2))
            await fixture.lookups(2)
            #expect(fixture.resolver.lookups.count == 2)
            #expect(fixture.addresses("v1") == ["10.0.0.1:80"])
            #expect(fixture.addresses("v2") == ["reviews.example:80"])
        }
    }

    @Test func `what is known of a name outlives other settings of its cluster`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1"]])
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources())
            try await fixture.mesh.ready(timeout: .seconds(60))
            let endpoint = fixture.cluster()?.endpoints.first
            let settings = DNSDiscovery(refreshInterval: .seconds(60))
            try fixture.mesh.apply(DiscoveryFixture.resources(["reviews.example"], settings))
            #expect(fixture.cluster()?.endpoints.first === endpoint && endpoint != nil)
        }
    }

    @Test func `pushes and answers at once lose neither`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1"]])
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources())
            try await fixture.mesh.ready(timeout: .seconds(60))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number: UInt16 in 1...200 {
                        var resources = DiscoveryFixture.resources()
                        resources.clusters["other"] = Given.cluster("other", ports: [number])
                        try fixture.mesh.apply(resources)
                    }
                }
                group.addTask {
                    for number in 1...200 {
                        fixture.resolver.set("reviews.example", to: ["10.0.1.\(number)"])
                        fixture.clock.advance(by: .seconds(5))
                        await fixture.lookups(1 + number)
                    }
                }
                try await group.waitForAll()
            }
            #expect(fixture.mesh.snapshot?.generation == 201)
            #expect(fixture.addresses("other") == ["10.0.0.1:200"])
            #expect(fixture.addresses() == ["10.0.1.200:80"])
        }
    }

    @Test func `without a resolver names go to the transport as they are, and that is said`() async throws {
        let fixture = try DiscoveryFixture(hasResolver: false)
        try fixture.mesh.apply(DiscoveryFixture.resources())
        try fixture.mesh.apply(DiscoveryFixture.resources())
        #expect(fixture.addresses() == ["reviews.example:80"])
        #expect(fixture.cluster()?.endpoints.first?.endpoint.hostname == "reviews.example")
        let told = fixture.observer.events.filter { if case .hostsWithoutResolver(["v1"]) = $0 { true } else { false } }
        #expect(told.count == 1)
        #expect(fixture.mesh.explain(InMemoryRequest())["host"]?.contains("by the transport") == true)
        try await fixture.running {
            try await fixture.mesh.ready(timeout: .seconds(1))
            // One that comes later is put to work.
            fixture.resolver.set("reviews.example", to: ["10.0.0.7"])
            fixture.mesh.offer(fixture.resolver)
            fixture.mesh.offer(InMemoryHostResolver())
            await fixture.lookups(1)
            #expect(fixture.addresses() == ["10.0.0.7:80"])
        }
    }

    @Test func `explanations say what is known of each name`() async throws {
        let fixture = try DiscoveryFixture(["a.example": ["10.0.0.1", "10.0.0.2"]])
        try fixture.mesh.apply(DiscoveryFixture.resources(["a.example", "b.example"]))
        @Sendable func hosts() -> [String] {
            fixture.mesh.explain(InMemoryRequest()).facts.filter { $0.name == "host" }.map(\.value)
        }
        #expect(hosts().allSatisfy { $0.contains("not looked up yet") } && hosts().count == 2)
        try await fixture.running {
            try await fixture.mesh.ready(timeout: .seconds(1))
            fixture.clock.advance(by: .seconds(3))
            #expect(hosts()[0] == "a.example has 2 addresses, answered 3.0 seconds ago")
            #expect(hosts()[1] == "b.example has 0 addresses, 1 lookups in a row gave no address since")
            let summary = fixture.mesh.explain(InMemoryRequest())["discovery"]
            #expect(summary == "strict DNS, looked up every 5.0 seconds")
        }
    }
}
