// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("DNS clusters for other clients")
struct DNSTranslationTests {
    private func translated(
        _ names: [String],
        _ settings: DNSDiscovery,
        to dialect: Dialect
    ) -> (discovery: Cluster.Discovery?, assignments: [String: EndpointAssignment], reports: [String]) {
        let assignment = EndpointAssignment(name: "c", addresses: names.map { EndpointAddress(host: $0, port: 80) })
        let cluster = Cluster(name: "c", discovery: .dns(assignment, settings))
        let translation = DialectTranslation(MeshResources(clusters: [cluster]), to: dialect)
        return (
            translation.resources.clusters["c"]?.discovery, translation.resources.endpointAssignments,
            translation.reports.map(\.path)
        )
    }

    private func names(_ names: [String]) -> EndpointAssignment {
        EndpointAssignment(name: "c", addresses: names.map { EndpointAddress(host: $0, port: 80) })
    }

    @Test("Envoy gets all but the time-out, for which it has no field in the cluster")
    func envoy() {
        let settings = DNSDiscovery(refreshInterval: .seconds(9), lookupTimeout: .seconds(1))
        for dialect in [Dialect.envoy, .own] {
            let served = translated(["a.example", "b.example"], settings, to: dialect)
            #expect(
                served.discovery
                    == .dns(names(["a.example", "b.example"]), DNSDiscovery(refreshInterval: .seconds(9)))
            )
            #expect(served.reports == ["clusters[c].dns.lookup_timeout"])
        }
    }

    @Test("gRPC gets one name as a logical cluster, whatever it was")
    func oneName() {
        let logical = translated(["a.example"], .logical, to: .grpc)
        #expect(logical.discovery == .dns(names(["a.example"]), .logical))
        #expect(logical.reports == [])
        let strict = translated(["a.example"], .strict, to: .grpc)
        #expect(strict.discovery == .dns(names(["a.example"]), .logical))
        #expect(strict.reports == ["clusters[c].type"])
        let slow = translated(["a.example"], DNSDiscovery(kind: .logical, refreshInterval: .seconds(60)), to: .grpc)
        #expect(slow.reports == ["clusters[c].dns_refresh_rate"])
    }

    @Test("of several names gRPC gets what is an address, and the rest is reported")
    func severalNames() {
        let served = translated(["a.example", "10.0.0.1"], .strict, to: .grpc)
        #expect(served.discovery == .endpointDiscovery(serviceName: "c"))
        #expect(served.assignments["c"] == names(["10.0.0.1"]))
        #expect(served.reports == ["clusters[c].type", "endpoint_assignments[c]"])
    }

    @Test("Envoy takes no Unix domain socket beside names")
    func sockets() {
        var assignment = names(["a.example"])
        assignment.localities[0].endpoints.append(ClusterEndpoint(EndpointAddress(unixSocketPath: "/x")))
        let cluster = Cluster(name: "c", discovery: .fixed(assignment))
        let translation = DialectTranslation(MeshResources(clusters: [cluster]), to: .envoy)
        #expect(translation.resources.clusters["c"]?.discovery == .fixed(names(["a.example"])))
        #expect(translation.reports.map(\.path) == ["clusters[c]"])
    }
}
