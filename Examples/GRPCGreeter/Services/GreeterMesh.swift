// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// What a control plane says of the greeter: a share of the calls for each version, retries, and ejection of servers that
/// fail.
struct GreeterMesh: Sendable {
    /// The service's name, as clients call it.
    static let service = "greeter"

    /// A version of the greeter.
    struct Version: Sendable {
        var name: String
        var share: UInt32
        var addresses: [EndpointAddress]

        var cluster: String { "\(GreeterMesh.service)-\(name)" }
    }

    var versions: [Version]

    func resources() throws -> MeshResources {
        let shares = try WeightedClusters(versions.map { WeightedCluster($0.cluster, weight: $0.share) })
        let retry = RetryPolicy.grpc(
            maximumAttempts: 3,
            initialBackoff: .milliseconds(10),
            maximumBackoff: .milliseconds(100),
            backoffMultiplier: 2,
            conditions: [.grpcUnavailable]
        )
        let route = Route(name: Self.service, action: .forward(.init(clusters: shares, retry: retry)))
        let host = VirtualHost(name: Self.service, domains: [.any], routes: [route])
        return MeshResources(
            listeners: [Listener(name: Self.service, routes: .named(Self.service))],
            routeConfigurations: [RouteConfiguration(name: Self.service, virtualHosts: [host])],
            clusters: versions.map { Cluster(name: $0.cluster, outlierDetection: Self.ejection) },
            endpointAssignments: versions.map { EndpointAssignment(name: $0.cluster, addresses: $0.addresses) }
        )
    }

    /// A server half of whose calls have failed within a second gets none for half a minute (gRFC A50).
    private static let ejection = OutlierDetection(
        mode: .grpc,
        successRate: nil,
        failurePercentage: .init(threshold: 50, minimumEndpoints: 2, requestVolume: 10, enforcing: 100),
        interval: .seconds(1),
        maximumEjectionPercent: 50
    )
}
