// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshManifests
import MeshRouting
import Testing

@Suite("Services")
struct ServiceDirectoryTests {
    private static func entry(_ spec: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: api, namespace: shop}
        spec:
          hosts: [api.example.com]
          ports: [{number: 80, name: http, protocol: HTTP}, {number: 5432, name: db, protocol: TCP}]
        \(spec)
        """
    }

    private let cluster = "outbound|80||api.example.com"

    @Test("a ServiceEntry with fixed endpoints has them in its cluster, by locality")
    func fixed() throws {
        let text = Self.entry(
            """
              resolution: STATIC
              endpoints:
              - {address: 192.0.2.1, weight: 2, locality: eu/a, ports: {http: 8080}}
              - {address: 192.0.2.2}
              - {address: 192.0.2.3, locality: eu/a}
              - {address: "unix:///run/api.sock"}
            """
        )
        let compilation = Compilation(text)
        let eu = LocalityEndpoints(
            locality: Locality(region: "eu", zone: "a"),
            endpoints: [
                ClusterEndpoint(EndpointAddress(host: "192.0.2.1", port: 8080), weight: 2),
                ClusterEndpoint(EndpointAddress(host: "192.0.2.3", port: 80)),
            ]
        )
        let nowhere = LocalityEndpoints(
            endpoints: [
                ClusterEndpoint(EndpointAddress(host: "192.0.2.2", port: 80)),
                ClusterEndpoint(EndpointAddress(unixSocketPath: "/run/api.sock")),
            ]
        )
        let assignment = EndpointAssignment(name: cluster, localities: [nowhere, eu])
        let expected = Cluster(
            name: cluster,
            discovery: .fixed(assignment),
            loadBalancing: .init(LeastRequest()),
            panicThreshold: 0
        )
        #expect(compilation.resources.clusters[cluster] == expected)
        #expect(compilation.resources.endpointAssignments[cluster] == nil)
        let domains = compilation.resources.routeConfigurations["api.example.com:80"]?.virtualHosts.first?.domains
        #expect(domains == [.exact("api.example.com"), .exact("api.example.com:80")])
        #expect(compilation.resources.listeners["api.example.com:5432"] == nil)
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test(
        "a ServiceEntry whose name nobody looks up is its own endpoint",
        arguments: ["  resolution: DYNAMIC_DNS", "  resolution: NONE", ""]
    )
    func byName(spec: String) {
        let assignment = EndpointAssignment(
            name: cluster,
            localities: [
                LocalityEndpoints(
                    endpoints: [ClusterEndpoint(EndpointAddress(host: "api.example.com", port: 80))]
                )
            ]
        )
        let resources = Compilation(Self.entry(spec)).resources
        #expect(resources.clusters[cluster]?.discovery == .fixed(assignment))
    }

    @Test("a ServiceEntry inside the mesh is called over mutual TLS")
    func inside() {
        let text = Self.entry(
            """
              location: MESH_INTERNAL
              resolution: STATIC
              endpoints: [{address: 192.0.2.1, serviceAccount: api, labels: {security.istio.io/tlsMode: istio}}]
            """
        )
        let resources = Compilation(text).resources
        #expect(
            resources.clusters[cluster]?.upstreamSecurity
                == .automatic(acceptedIdentities: ["spiffe://mesh.test/ns/shop/sa/api"])
        )
        let endpoints = resources.clusters[cluster].flatMap { resources.endpoints(of: $0) }?.localities[0].endpoints
        #expect(endpoints?.map(\.speaksMutualTLS) == [true])
    }

    @Test("the names of a ServiceEntry outside the mesh are accepted by mutual TLS, and idle without it")
    func names() {
        let entry = Self.entry("  resolution: DNS\n  subjectAltNames: [\"spiffe://partner.test/ns/a/sa/b\"]")
        let rule = """

            ---
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: api}
            spec: {host: api.example.com, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
            """
        let idle = Compilation(entry)
        #expect(idle.resources.clusters[cluster]?.upstreamSecurity == .plaintext)
        #expect(idle.places == ["8:21 MM0212"])
        let used = Compilation(entry + rule)
        #expect(
            used.resources.clusters[cluster]?.upstreamSecurity
                == .mutualTLS(acceptedIdentities: ["spiffe://partner.test/ns/a/sa/b"])
        )
        #expect(used.places.isEmpty)
    }

    @Test("an address that is listed twice is in a cluster once, which is reported")
    func listedTwice() {
        let text = Self.entry(
            """
              resolution: STATIC
              endpoints:
              - {address: 192.0.2.1, weight: 2}
              - {address: 192.0.2.1, locality: eu}
            """
        )
        let compilation = Compilation(text)
        #expect(compilation.ports(cluster) == [80])
        #expect(compilation.places == ["10:15 MM0212"])
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test("each port of a service has the workloads that are registered for it, and a Service's own port has all")
    func severalPorts() {
        var admin = Bookinfo.workload("reviews", "v1", port: 2003)
        admin.servicePort = 8080
        var other = Bookinfo.workload("reviews", "v1", port: 2004)
        other.protocolName = "tcp"
        var twin = Bookinfo.workload("details", "v1", port: 1002)
        twin.id = "twin"
        twin.servicePort = 8080
        let text = ["reviews", "details"].map { service in
            "apiVersion: v1\nkind: Service\nmetadata: {name: \(service)}\nspec: {ports: [{port: 7000}]}\n"
        }
        let compilation = Compilation(
            text.joined(separator: "---\n"),
            workloads: Bookinfo.workloads + [admin, other, twin]
        )
        let ports = { (service: String, port: Int) in
            compilation.ports("outbound|\(port)||\(service).default.svc.cluster.local")
        }
        #expect(ports("reviews", 9080) == [1003, 1004, 1005])
        #expect(ports("reviews", 8080) == [2003])
        #expect(ports("reviews", 7000) == [1003, 1004, 1005, 2003])
        #expect(ports("details", 9080) == [1002])
        #expect(ports("details", 8080) == [1002])
        #expect(ports("details", 7000) == [1002])
        #expect(compilation.places.isEmpty)
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test("a ServiceEntry may select registered workloads of its namespace")
    func selected() {
        var inside = Bookinfo.workload("backend", "v1", port: 2001)
        inside.namespace = "shop"
        let outside = Bookinfo.workload("backend", "v1", port: 2002)
        let text = Self.entry("  location: MESH_INTERNAL\n  workloadSelector: {labels: {app: backend}}")
        let compilation = Compilation(text, workloads: [inside, outside])
        #expect(compilation.ports(cluster) == [2001])
        #expect(compilation.resources.endpointAssignments[cluster] != nil)
    }

    @Test("a ServiceEntry that is not exported is seen in its own namespace only")
    func visibility() {
        let text = Self.entry("  exportTo: [.]")
        #expect(Compilation(text).resources.listeners["api.example.com:80"] == nil)
        #expect(Compilation(text, for: Node(namespace: "shop")).resources.listeners["api.example.com:80"] != nil)
    }

    @Test("a Service adds ports and the workloads that it selects")
    func service() {
        let text = """
            apiVersion: v1
            kind: Service
            metadata: {name: all-reviews}
            spec: {ports: [{port: 80}, {port: 5432, name: tcp-db}], selector: {app: reviews}}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: ratings}
            spec: {ports: [{port: 8000, appProtocol: http}]}
            """
        let compilation = Compilation(text)
        #expect(compilation.ports("outbound|80||all-reviews.default.svc.cluster.local") == [1003, 1004, 1005])
        #expect(compilation.ports("outbound|8000||ratings.default.svc.cluster.local") == [1006, 1007])
        #expect(compilation.ports(Bookinfo.cluster("ratings")) == [1006, 1007])
        #expect(compilation.resources.listeners.keys.filter { $0.hasSuffix(":5432") }.isEmpty)
        #expect(compilation.places.isEmpty)
    }

    @Test("a service that is defined twice keeps the first definition, and registrations come before listed endpoints")
    func competition() {
        let text =
            Self.entry("  resolution: DNS") + "\n---\n"
            + Self.entry("  resolution: DNS").replacing("name: api,", with: "name: other,") + "\n---\n"
            + Self.entry("  resolution: DNS").replacing("name: api,", with: "name: own,")
            .replacing("api.example.com", with: "ratings.default.svc.cluster.local")
        let compilation = Compilation(text)
        #expect(compilation.places == ["13:11 MM0310", "21:11 MM0310"])
        #expect(compilation.ports(Bookinfo.cluster("ratings")) == [1006, 1007])
    }

    @Test("workloads that cannot be used are left out and reported")
    func unusable() {
        var badName = Bookinfo.workload("re views", "v1", port: 1)
        badName.id = "bad"
        var twin = Bookinfo.workload("details", "v1", port: 1002)
        twin.id = "twin"
        var account = Bookinfo.workload("ratings", "v1", port: 3)
        account.id = "account"
        account.serviceAccount = "a b"
        let compilation = Compilation([], workloads: Bookinfo.workloads + [badName, twin, account])
        #expect(
            compilation.diagnostics.map(\.description) == [
                "registration of account: warning: the service account default/a b cannot be part of an identity of "
                    + "mesh.test [MM0309]",
                "registration of bad: warning: the workload is ignored: its service re views.default is no name of a "
                    + "service [MM0309]",
                "registration of twin: warning: the workload is ignored: details-v1-1002 serves "
                    + "details.default.svc.cluster.local at 127.0.0.1:1002 already [MM0309]",
            ]
        )
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test("what does not speak HTTP has no listener")
    func protocols() {
        var database = Bookinfo.workload("db", "v1", port: 5432)
        database.protocolName = "tcp"
        #expect(
            Compilation([], workloads: [database]).resources == MeshResources(listeners: Compilation([]).inboundOnly)
        )
    }
}

extension Compilation {
    /// The listeners for what the client serves.
    fileprivate var inboundOnly: [Listener] { inbound.map { [$0] } ?? [] }
}
