// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import ServiceMesh

@Suite struct LogicalDNSTests {
    private func addresses(_ fixture: DiscoveryFixture) -> [String]? {
        fixture.cluster()?.endpoints.first?.endpoint.resolvedHost?.addresses.map(\.description)
    }

    @Test func `a name is one endpoint that outlives every change of its addresses`() async throws {
        let fixture = try DiscoveryFixture(["reviews.example": ["10.0.0.1", "10.0.0.2"]])
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(["reviews.example"], .logical))
            let first = try #require(fixture.cluster()?.endpoints.first)
            try await fixture.mesh.ready(timeout: .seconds(60))
            let snapshot = fixture.mesh.loadSnapshot()
            #expect(fixture.addresses() == ["reviews.example:80"])
            #expect(addresses(fixture) == ["10.0.0.1", "10.0.0.2"])
            #expect(first.endpoint.hostname == "reviews.example")
            // The order counts: new connections go to the first.
            for (number, new) in [["10.0.0.2", "10.0.0.1"], ["10.0.0.9"]].enumerated() {
                fixture.resolver.set("reviews.example", to: new)
                fixture.clock.advance(by: .seconds(5))
                await fixture.lookups(2 + number)
                #expect(addresses(fixture) == new)
            }
            #expect(fixture.mesh.loadSnapshot() === snapshot)
            #expect(fixture.cluster()?.endpoints.first === first)
            #expect(fixture.outcomes == [.changed, .unchanged, .changed])
        }
    }

    @Test func `a name without an address is no endpoint until it has one, and keeps that`() async throws {
        let fixture = try DiscoveryFixture()
        try await fixture.running {
            try fixture.mesh.apply(DiscoveryFixture.resources(["reviews.example"], .logical))
            try await fixture.mesh.ready(timeout: .seconds(60))
            #expect(fixture.addresses() == [])
            await #expect(throws: MeshError.self) { try await fixture.send() }
            fixture.resolver.set("reviews.example", to: ["10.0.0.1"])
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(2)
            #expect(fixture.addresses() == ["reviews.example:80"])
            fixture.resolver.set("reviews.example", to: [])
            fixture.clock.advance(by: .seconds(5))
            await fixture.lookups(3)
            #expect(fixture.addresses() == ["reviews.example:80"] && addresses(fixture) == ["10.0.0.1"])
        }
    }

    @Test func `a logical cluster is one endpoint in one locality`() throws {
        let resources = DiscoveryFixture.resources(["a.example", "b.example"], .logical)
        #expect(throws: ConfigurationError.self) { try resources.validate() }
        let strict = DiscoveryFixture.resources(["a.example", "b.example"])
        try strict.validate()
    }

    @Test(arguments: ["", "a b", "a\u{0}b", String(repeating: "a", count: 256)])
    func `what no resolver can be asked for is refused`(name: String) {
        let error = #expect(throws: ConfigurationError.self) { try DiscoveryFixture.resources([name]).validate() }
        #expect(error?.problems.first?.path == "clusters[v1].endpoints.localities[0].endpoints[0].address")
    }

    @Test func `every bound of the settings is checked where they stand`() {
        let settings = DNSDiscovery(refreshInterval: .zero)
        let error = #expect(throws: ConfigurationError.self) {
            try DiscoveryFixture.resources(["a.example"], settings).validate()
        }
        #expect(error?.problems.map(\.path) == ["clusters[v1].dns.refreshInterval"])
    }
}
