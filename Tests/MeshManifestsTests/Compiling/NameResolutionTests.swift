// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import Testing

@testable import MeshManifests

@Suite("The names of ServiceEntries")
struct NameResolutionTests {
    private let cluster = "outbound|80||api.example.com"

    private func entry(_ spec: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: api, namespace: shop}
        spec:
          hosts: [api.example.com]
          ports: [{number: 80, name: http, protocol: HTTP}]
        \(spec)
        """
    }

    private func discovery(_ spec: String) -> (names: [String], settings: DNSDiscovery)? {
        let resources = Compilation(entry(spec)).resources
        guard case .dns(let assignment, let settings)? = resources.clusters[cluster]?.discovery else { return nil }
        #expect(throws: Never.self) { try resources.validate() }
        return (assignment.localities.flatMap { $0.endpoints.map(\.address.description) }, settings)
    }

    @Test(
        "are looked up as Istio's proxies do it",
        arguments: [("DNS", DNSDiscovery.Kind.strict), ("DNS_ROUND_ROBIN", .logical)]
    )
    func kinds(resolution: String, kind: DNSDiscovery.Kind) throws {
        let found = try #require(discovery("  resolution: \(resolution)"))
        #expect(found.names == ["api.example.com:80"])
        let expected = DNSDiscovery(
            kind: kind,
            refreshInterval: .seconds(60),
            respectsTTL: true,
            lookupFamily: .version4Preferred
        )
        #expect(found.settings == expected)
        let listed = try #require(discovery("  resolution: \(resolution)\n  endpoints: [{address: a.example}]"))
        #expect(listed.names == ["a.example:80"])
    }

    @Test("stand beside addresses, and addresses alone are looked up by nobody")
    func addresses() throws {
        let mixed = "  resolution: DNS\n  endpoints: [{address: a.example}, {address: 192.0.2.1, ports: {http: 81}}]"
        #expect(try #require(discovery(mixed)).names == ["a.example:80", "192.0.2.1:81"])
        #expect(discovery("  resolution: DNS\n  endpoints: [{address: 192.0.2.1}]") == nil)
    }

    @Test("leave a subset that has none of the endpoints empty")
    func subsets() throws {
        let rule = """

            ---
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: api, namespace: shop}
            spec: {host: api.example.com, subsets: [{name: v1, labels: {version: v1}}]}
            """
        let resources = Compilation(entry("  resolution: DNS_ROUND_ROBIN") + rule).resources
        let subset = resources.clusters["outbound|80|v1|api.example.com"]
        #expect(subset.flatMap { resources.endpoints(of: $0) }?.localities == [])
        #expect(throws: Never.self) { try resources.validate() }
    }

    @Test("may be several with DNS, and one at most with DNS_ROUND_ROBIN")
    func several() {
        let endpoints = "  endpoints: [{address: a.example}, {address: b.example}]"
        #expect(discovery("  resolution: DNS\n" + endpoints)?.names.count == 2)
        let compilation = Compilation(entry("  resolution: DNS_ROUND_ROBIN\n" + endpoints))
        #expect(compilation.diagnostics.contains { $0.message.contains("DNS_ROUND_ROBIN has one endpoint") })
    }
}
