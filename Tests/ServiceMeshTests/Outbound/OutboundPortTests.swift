// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

/// Which port of a host a request means that names none, and what keeps `https` encrypted.
@Suite struct OutboundPortTests {
    /// A host with a listener for each of its ports, as control planes write it: each claims the name without a port.
    private func host(
        _ name: String,
        ports: [UInt16],
        security: Cluster.UpstreamSecurity = .plaintext
    ) -> MeshResources {
        MeshResources(
            listeners: ports.map { port in
                let virtualHost = VirtualHost(
                    name: "\(name):\(port)",
                    domains: [.exact(name), .exact("\(name):\(port)")],
                    routes: [Route(action: Given.forward(to: "\(name):\(port)"))]
                )
                return Listener(
                    name: "\(name):\(port)",
                    routes: .inline(RouteConfiguration(name: "\(name):\(port)", virtualHosts: [virtualHost]))
                )
            },
            clusters: ports.map { port in
                var cluster = Given.cluster("\(name):\(port)", ports: [port])
                cluster.upstreamSecurity = security
                return cluster
            }
        )
    }

    /// Sends a request and tells where it went.
    private func endpoint(of request: InMemoryRequest, _ fixture: MeshFixture) async throws -> Endpoint? {
        var context = fixture.mesh.makeContext()
        try await fixture.stack.withResponse(to: request, context: &context) { _ in }
        return context.endpoint
    }

    @Test(
        arguments: [
            ([80, 50051], 80), ([443, 50051, 80, 8080], 80), ([9080, 50051], 9080), ([10000, 9999], 9999),
        ] as [([UInt16], UInt16)]
    )
    func `a name without a port means port 80, or else the smallest`(ports: [UInt16], expected: UInt16) async throws {
        let fixture = try MeshFixture(host("x", ports: ports), policy: .registryOnly)
        #expect(try await endpoint(of: InMemoryRequest(authority: "x"), fixture)?.address == Given.address(expected))
        for port in ports {
            let request = InMemoryRequest(authority: "x:\(port)")
            #expect(try await endpoint(of: request, fixture)?.address == Given.address(port))
        }
    }

    @Test func `a listener that is the name itself keeps it`() async throws {
        var resources = host("x", ports: [80])
        resources.clusters["own"] = Given.cluster("own", ports: [7])
        let any = VirtualHost(name: "own", domains: [.any], routes: [Route(action: Given.forward(to: "own"))])
        resources.listeners["x"] = Listener(
            name: "x",
            routes: .inline(RouteConfiguration(name: "own", virtualHosts: [any]))
        )
        let fixture = try MeshFixture(resources)
        #expect(try await endpoint(of: InMemoryRequest(authority: "x"), fixture)?.address == Given.address(7))
    }

    @Test(
        arguments: [
            ("https", "x", 443), ("HTTPS", "x", 443), ("https", "X", 443), ("https", "x:443", 443),
            ("https", "x:80", 80),
        ] as [(String, String, UInt16)]
    )
    func `https never leaves in cleartext`(scheme: String, authority: String, port: UInt16) async throws {
        let request = InMemoryRequest(scheme: scheme, authority: authority)
        let open = try MeshFixture(host("x", ports: [80, 443]))
        let taken = try await endpoint(of: request, open)
        #expect(taken?.address == EndpointAddress(host: authority.first == "X" ? "X" : "x", port: port))
        #expect(taken?.security == .tls(serverName: authority.first == "X" ? "X" : "x"))
        #expect(open.mesh.explain(request)["virtual host"]?.contains("plaintext") == true)
        #expect(open.mesh.explain(request)["outbound traffic policy"]?.contains("allowAny") == true)
        #expect(open.mesh.explain(request)["cluster"] == nil)
        let closed = try MeshFixture(host("x", ports: [80, 443]), policy: .registryOnly)
        let error = await closed.send(request).meshError
        #expect(error?.code == .unknownHost && error?.message.contains("plaintext") == true)
        #expect(closed.network.sent.isEmpty && closed.isAtRest)
        #expect(closed.mesh.explain(request)["outbound traffic policy"]?.contains("registryOnly") == true)
    }

    @Test func `http goes on as before`() async throws {
        let fixture = try MeshFixture(host("x", ports: [80, 443]))
        let plain = try await endpoint(of: InMemoryRequest(authority: "x"), fixture)
        #expect(plain?.address == Given.address(80) && plain?.security == .plaintext)
        #expect(fixture.mesh.explain(InMemoryRequest(authority: "x"))["listener"] == "x:80")
    }

    @Test func `https takes the cluster of port 443 where the mesh encrypts`() async throws {
        let security = Cluster.UpstreamSecurity.mutualTLS(acceptedIdentities: [])
        let fixture = try MeshFixture(host("x", ports: [80, 443], security: security))
        let request = InMemoryRequest(scheme: "https", authority: "x")
        let taken = try await endpoint(of: request, fixture)
        #expect(taken?.address == Given.address(443))
        #expect(taken?.security == .mutualTLS(acceptedIdentities: []))
        #expect(fixture.mesh.explain(request)["listener"] == "x:443")
        // What port 80 has is not what the name means to https.
        let other = try MeshFixture(host("x", ports: [80], security: security))
        #expect(try await endpoint(of: request, other)?.security == .tls(serverName: "x"))
        #expect(other.mesh.explain(request)["listener"] == nil)
    }

    @Test func `one plaintext endpoint is enough to keep https away from its cluster`() async throws {
        var resources = host("x", ports: [443])
        let endpoints = [
            ClusterEndpoint(Given.address(1), speaksMutualTLS: true), ClusterEndpoint(Given.address(2)),
        ]
        resources.clusters["x:443"]?.upstreamSecurity = .automatic(acceptedIdentities: [])
        resources.clusters["x:443"]?.discovery = .fixed(
            EndpointAssignment(name: "x:443", localities: [LocalityEndpoints(endpoints: endpoints)])
        )
        let fixture = try MeshFixture(resources)
        let request = InMemoryRequest(scheme: "https", authority: "x")
        for _ in 0..<4 {
            #expect(try await endpoint(of: request, fixture)?.security == .tls(serverName: "x"))
        }
    }

    @Test func `of a split only what is drawn for plaintext goes past the mesh`() async throws {
        var resources = host("x", ports: [443], security: .mutualTLS(acceptedIdentities: []))
        resources.clusters["plain"] = Given.cluster("plain", ports: [2])
        let split = try Given.forward([WeightedCluster("x:443"), WeightedCluster("plain")])
        let virtualHost = VirtualHost(name: "x", domains: [.exact("x:443")], routes: [Route(action: split)])
        resources.listeners["x:443"]?.routes = .inline(RouteConfiguration(name: "x", virtualHosts: [virtualHost]))
        let fixture = try MeshFixture(resources)
        let request = InMemoryRequest(scheme: "https", authority: "x")
        var kinds: Set<Endpoint.Security> = []
        for _ in 0..<50 {
            if let security = try await endpoint(of: request, fixture)?.security { kinds.insert(security) }
        }
        #expect(kinds == [.mutualTLS(acceptedIdentities: []), .tls(serverName: "x")])
        #expect(fixture.mesh.explain(request)["virtual host"]?.contains("plain") == true)
    }

    @Test func `wildcards with port 443 serve https, conditions see what was written`() async throws {
        let written = RouteMatch(headers: [HeaderMatcher(":authority", .value(StringMatcher(.exact("a.example.com"))))])
        let virtualHost = VirtualHost(
            name: "wild",
            domains: [.suffix(".example.com"), .suffix(".example.com:443")],
            routes: [Route(match: written, action: Given.forward(to: "secure"))]
        )
        var cluster = Given.cluster("secure", ports: [5])
        cluster.upstreamSecurity = .mutualTLS(acceptedIdentities: [])
        let resources = MeshResources(
            listeners: [
                Listener(name: "w:443", routes: .inline(RouteConfiguration(name: "w", virtualHosts: [virtualHost])))
            ],
            clusters: [cluster]
        )
        let fixture = try MeshFixture(resources, policy: .registryOnly)
        let request = InMemoryRequest(scheme: "https", authority: "a.example.com")
        #expect(try await endpoint(of: request, fixture)?.address == Given.address(5))
        let address = InMemoryRequest(scheme: "https", authority: "[::1]")
        #expect(await fixture.send(address).meshError?.code == .unknownHost)
    }
}
