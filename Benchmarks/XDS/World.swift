// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// What the control plane serves: routes to many clusters, and one route that goes to the one backend or the other.
struct World {
    /// The host that clients ask for, and the listener's name.
    static let authority = "bench:80"

    /// How many clusters there are besides `a` and `b`.
    var clusters: Int
    /// Where the backends listen that answer `a` and `b`.
    var backends: (a: UInt16, b: UInt16)
    /// How many endpoints a cluster has. Where there is more than one, nobody listens at them.
    var endpoints = 1
    /// Whether the route `/flip/` goes to `b`.
    var isFlipped = false
    /// Counts the changes of the endpoints of the first cluster.
    var change = 0

    /// The configuration.
    var resources: MeshResources {
        let names = (0..<clusters).map { "c\($0)" }
        // Both stay in use by routes of their own, so that a flip finds them warm.
        let fixed = [("a", "a"), ("b", "b"), ("flip", isFlipped ? "b" : "a")]
        let routes = (fixed + names.map { ($0, $0) }).map { path, cluster in
            Route(
                match: RouteMatch(path: PathMatcher(.prefix("/\(path)/"))),
                action: .forward(.init(clusters: WeightedClusters(single: cluster)))
            )
        }
        let host = VirtualHost(name: "bench", domains: [.exact(Self.authority), .exact("bench")], routes: routes)
        return MeshResources(
            listeners: [Listener(name: Self.authority, routes: .named("bench"))],
            routeConfigurations: [RouteConfiguration(name: "bench", virtualHosts: [host])],
            clusters: (["a", "b"] + names).map { Cluster(name: $0) },
            endpointAssignments: [Self.assignment("a", [backends.a]), Self.assignment("b", [backends.b])]
                + names.enumerated().map { assignment($0.element, number: $0.offset) }
        )
    }

    /// The path that the last cluster takes.
    var lastPath: String { clusters > 0 && endpoints == 1 ? "/c\(clusters - 1)/ask" : "/a/ask" }

    private static func assignment(_ name: String, _ ports: [UInt16]) -> EndpointAssignment {
        EndpointAssignment(name: name, addresses: ports.map { EndpointAddress(host: "127.0.0.1", port: $0) })
    }

    private func assignment(_ name: String, number: Int) -> EndpointAssignment {
        let isOdd = number == 0 && change % 2 == 1
        guard endpoints > 1 else { return Self.assignment(name, [isOdd ? backends.b : backends.a]) }
        let addresses = (0..<endpoints).map { endpoint in
            EndpointAddress(
                host: "10.\(number >> 8 & 255).\(number & 255).\(endpoint)",
                port: isOdd && endpoint == 0 ? 81 : 80
            )
        }
        return EndpointAssignment(name: name, addresses: addresses)
    }
}
