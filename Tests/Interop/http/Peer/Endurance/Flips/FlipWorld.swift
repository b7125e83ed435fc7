// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting

/// What the control plane serves: one route, to a cluster that was not there before and is not there afterwards.
struct FlipWorld {
    static let authority = "flips:80"

    /// The servers that clusters have by turns.
    let servers: [EndpointAddress]

    static func cluster(_ number: Int) -> String { "outbound|80||flip-\(number).default.svc.cluster.local" }

    func resources(_ number: Int) -> MeshResources {
        let name = Self.cluster(number)
        let route = Route(action: .forward(.init(clusters: WeightedClusters(single: name))))
        let host = VirtualHost(name: "flips", domains: [.exact(Self.authority), .exact("flips")], routes: [route])
        return MeshResources(
            listeners: [Listener(name: Self.authority, routes: .named("flips"))],
            routeConfigurations: [RouteConfiguration(name: "flips", virtualHosts: [host])],
            clusters: [Cluster(name: name, outlierDetection: OutlierDetection())],
            endpointAssignments: [EndpointAssignment(name: name, addresses: [servers[number % servers.count]])]
        )
    }
}
