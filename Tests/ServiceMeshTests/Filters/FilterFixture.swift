// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting

@testable import ServiceMesh

/// Shorthands for meshes with filters.
enum Filtered {
    /// One listener with filters, and its routes to clusters `v1` (ports 1 and 2) and `v2` (port 3).
    static func resources(
        _ filters: [HTTPFilter],
        routes: [Route],
        hostRateLimits: [RouteRateLimit] = [],
        host: FilterOverrides = .none,
        table: FilterOverrides = .none
    ) -> MeshResources {
        MeshResources(
            listeners: [
                Listener(
                    name: "reviews:9080",
                    filters: filters,
                    routes: .inline(
                        RouteConfiguration(
                            name: "reviews",
                            virtualHosts: [
                                VirtualHost(
                                    name: "reviews",
                                    domains: [.exact("reviews")],
                                    routes: routes,
                                    rateLimits: hostRateLimits,
                                    filters: host
                                )
                            ],
                            filters: table
                        )
                    )
                )
            ],
            clusters: [Given.cluster("v1", ports: [1, 2]), Given.cluster("v2", ports: [3])]
        )
    }

    /// A route by path prefix.
    static func route(
        _ name: String,
        to cluster: String = "v1",
        rateLimits: [RouteRateLimit] = [],
        includesHost: Bool = false,
        retry: RetryPolicy? = nil,
        share: FilterOverrides = .none,
        filters: FilterOverrides = .none
    ) -> Route {
        var forward = RouteAction.Forward(
            clusters: WeightedClusters(single: cluster),
            retry: retry
        )
        forward.clusterFilters = [cluster: share]
        forward.rateLimits = rateLimits
        forward.includesHostRateLimits = includesHost
        return Route(
            name: name,
            match: RouteMatch(path: PathMatcher(.prefix("/\(name)"))),
            action: .forward(forward),
            filters: filters
        )
    }

    static func limit(_ text: String, stage: Int = 0, key: String = "") -> RouteRateLimit {
        RouteRateLimit([.text(.init(HeaderFormat(literal: text)))], stage: stage, disableKey: key)
    }

    static func addition(_ name: HeaderName, _ value: String) -> HeaderAddition {
        HeaderAddition(name, HeaderFormat(literal: value))
    }
}

extension MeshFixture {
    /// Sends a request and gives back its response.
    func respond(
        _ path: String,
        _ headers: [(HeaderName, String)] = []
    ) async throws -> InMemoryResponse {
        var context = mesh.makeContext(deadline: .never)
        let request = InMemoryRequest(authority: "reviews", path: path, headers: headers)
        return try await stack.withResponse(to: request, context: &context) { $0 }
    }

    /// The answer of the mesh itself to a request.
    func refusal(_ path: String, _ headers: [(HeaderName, String)] = []) async -> MeshError? {
        do {
            _ = try await respond(path, headers)
            return nil
        } catch {
            return error as? MeshError
        }
    }
}
