// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Listeners for the connections that a proxy would take: requests find them by the port that they name, or mean.
@Suite struct CapturedListenerTests {
    private static func listener(
        _ host: String,
        _ port: UInt16,
        routes: String? = nil,
        ignoresPort: Bool = true,
        _ hosts: [(domains: [String], cluster: String)]
    ) -> (Listener, RouteConfiguration) {
        let name = routes ?? "\(port)"
        let table = RouteConfiguration(
            name: name,
            virtualHosts: hosts.enumerated().map { number, host in
                let forward = RouteAction.Forward(clusters: WeightedClusters(single: host.cluster))
                return VirtualHost(
                    name: "\(name)-\(number)",
                    domains: host.domains.compactMap { DomainPattern($0) },
                    routes: [Route(action: .forward(forward))]
                )
            },
            ignoresPort: ignoresPort
        )
        let address = EndpointAddress(host: host, port: port)
        return (Listener(name: "\(host)_\(port)", routes: .named(name), capturedAddress: address), table)
    }

    private static func mesh(
        _ listeners: [(Listener, RouteConfiguration)],
        policy: MeshConfiguration.OutboundTrafficPolicy = .allowAny
    ) throws -> MeshFixture {
        let names = Set(
            listeners.flatMap { $0.1.virtualHosts }.flatMap(\.routes).compactMap { route -> String? in
                guard case .forward(let forward) = route.action else { return nil }
                return forward.shares.first?.cluster
            }
        )
        let clusters = names.sorted().enumerated().map { number, name in
            name == "past"
                ? Cluster(name: name, discovery: .originalDestination)
                : Cluster(
                    name: name,
                    discovery: .fixed(
                        EndpointAssignment(name: name, addresses: [EndpointAddress(host: name, port: 9)])
                    )
                )
        }
        return try MeshFixture(
            MeshResources(
                listeners: listeners.map(\.0),
                routeConfigurations: listeners.map(\.1),
                clusters: clusters
            ),
            policy: policy
        )
    }

    private static func destination(_ fixture: MeshFixture, _ authority: String, _ scheme: String = "http") async
        -> String
    {
        let before = fixture.network.sent.count
        let result = await fixture.send(InMemoryRequest(scheme: scheme, authority: authority))
        guard fixture.network.sent.count > before else { return "\(result)" }
        return fixture.network.sent.last?.endpoint.map { "\($0)" } ?? ""
    }

    @Test func `one host has other routes at each port, and none at others`() async throws {
        for ignoresPort in [true, false] {
            let fixture = try Self.mesh([
                Self.listener("0.0.0.0", 9080, ignoresPort: ignoresPort, [(["svc", "*.wide"], "a")]),
                Self.listener("0.0.0.0", 9081, ignoresPort: ignoresPort, [(["svc", "*.wide"], "b")]),
                Self.listener("0.0.0.0", 80, ignoresPort: ignoresPort, [(["svc"], "c")]),
            ])
            for (authority, destination) in [
                ("svc:9080", "a:9"), ("svc:9081", "b:9"), ("x.wide:9081", "b:9"), ("svc", "c:9"), ("svc:80", "c:9"),
                ("svc:9082", "svc:9082"), ("x.wide", "x.wide:80"), ("SVC:9080", "a:9"),
            ] {
                #expect(await Self.destination(fixture, authority) == destination)
            }
        }
    }

    @Test func `the table of a port takes every other host of the port, or of no port`() async throws {
        let fixture = try Self.mesh([
            Self.listener("0.0.0.0", 9080, [(["svc"], "a"), (["*"], "rest")]),
            Self.listener("0.0.0.0", 80, [(["web"], "b"), (["*"], "past")]),
        ])
        for (authority, destination) in [
            ("svc:9080", "a:9"), ("else:9080", "rest:9"), ("web", "b:9"), ("else", "else:80"), ("svc", "svc:80"),
            ("else:1", "else:1"),
        ] {
            #expect(await Self.destination(fixture, authority) == destination)
        }
        #expect(await Self.destination(fixture, "else", "https") == "else:443")
    }

    @Test func `a listener at a service's address comes before that of the port`() async throws {
        let fixture = try Self.mesh([
            Self.listener("0.0.0.0", 9080, [(["svc.local", "svc"], "a")]),
            Self.listener("10.0.0.9", 9080, routes: "svc.local:9080", [(["*"], "b")]),
            Self.listener("10.0.0.8", 80, routes: "other.local:80", [(["*"], "c")]),
        ])
        for (authority, destination) in [
            ("svc.local:9080", "b:9"), ("10.0.0.9:9080", "b:9"), ("svc:9080", "a:9"), ("other.local", "c:9"),
            ("10.0.0.8", "c:9"), ("10.0.0.8:81", "10.0.0.8:81"),
        ] {
            #expect(await Self.destination(fixture, authority) == destination)
        }
    }

    @Test func `what the control plane lets pass the mesh's own policy may still refuse`() async throws {
        let fixture = try Self.mesh([Self.listener("0.0.0.0", 80, [(["*"], "past")])], policy: .registryOnly)
        #expect(await Self.destination(fixture, "else").contains("the host else is not in the mesh"))
        let explanation = fixture.mesh.explain(InMemoryRequest(authority: "else")).description
        #expect(explanation.contains("leads to past, which is where the caller would send it"), "\(explanation)")
    }
}
