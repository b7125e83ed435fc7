// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshSecurity
import Testing

@Suite struct MeshResourcesValidationTests {
    private static let badFault = FaultConfiguration(abort: .init(status: 42, percentage: .all))
    private static let badLimit = RateLimitConfiguration(maximumTokens: 0, fillInterval: .seconds(1))

    private static func routes(_ route: Route) -> RouteConfiguration {
        RouteConfiguration(
            name: "r",
            virtualHosts: [VirtualHost(name: "h", domains: [.exact("h")], routes: [route])]
        )
    }

    private static func forward(
        timeout: Nanoseconds? = nil,
        retry: RetryPolicy? = nil,
        faults: [String: FaultConfiguration] = [:]
    ) -> RouteAction {
        .forward(
            .init(clusters: WeightedClusters(single: "c"), timeout: timeout, retry: retry, clusterFaults: faults)
        )
    }

    private static let route = "routeConfigurations[r].virtualHosts[0].routes[0]"

    private static func address(_ port: UInt16) -> EndpointAddress { EndpointAddress(host: "e", port: port) }

    /// A table that changes, at every place, what may not be changed; and a bad route that only a tree leads to.
    private static var tableWithBadHeaders: RouteConfiguration {
        let bad = HeaderMutations(requestRemovals: ["host"])
        let share = try? WeightedClusters([WeightedCluster("c", headers: bad)])
        let leaf = Route(action: forward(), fault: badFault)
        let host = VirtualHost(
            name: "h",
            domains: [.exact("h")],
            routes: [Route(action: .forward(.init(clusters: share ?? WeightedClusters(single: "none"))), headers: bad)],
            matcher: MatcherTree(.list([]), otherwise: .init(.action(.init([leaf])))),
            headers: bad,
            filters: FilterOverrides(
                headerMutation: .settings(.init(request: [.add(HeaderAddition(":path", HeaderFormat(literal: "/")))]))
            )
        )
        return RouteConfiguration(name: "r", virtualHosts: [host], headers: .init(responseRemovals: [":status"]))
    }

    static let problems: [(MeshResources, [String])] = [
        (
            MeshResources(listeners: [Listener(name: "l", routes: .named("missing"))]),
            ["listeners[l].routes"]
        ),
        (
            MeshResources(listeners: [
                Listener(
                    name: "l",
                    filters: [
                        .authorization(.init(action: .allow, policies: [])), .fault(badFault), .rateLimit(badLimit),
                    ],
                    routes: .inline(routes(Route(action: forward(timeout: .zero))))
                )
            ]),
            [
                "listeners[l].routes.virtualHosts[0].routes[0].timeout", "listeners[l].filters[1].abort.status",
                "listeners[l].filters[2].maximumTokens",
            ]
        ),
        (
            MeshResources(routeConfigurations: [
                routes(
                    Route(action: forward(retry: RetryPolicy(maximumAttempts: 0)), fault: badFault, rateLimit: badLimit)
                )
            ]),
            [route + ".fault.abort.status", route + ".rateLimit.maximumTokens", route + ".retry.maximumAttempts"]
        ),
        (
            MeshResources(routeConfigurations: [routes(Route(action: forward(faults: ["c": badFault])))]),
            [route + ".clusterFaults[c].abort.status"]
        ),
        (
            MeshResources(routeConfigurations: [tableWithBadHeaders]),
            [
                "routeConfigurations[r].headers.responseRemovals[0]",
                "routeConfigurations[r].virtualHosts[0].headers.requestRemovals[0]",
                "routeConfigurations[r].virtualHosts[0].filters.headerMutation.request[0].add.name",
                route + ".headers.requestRemovals[0]", route + ".clusters[c].headers.requestRemovals[0]",
                "routeConfigurations[r].virtualHosts[0].matcher.routes[0].fault.abort.status",
            ]
        ),
        (
            MeshResources(listeners: [
                Listener(
                    name: "changing",
                    filters: [.headerMutation(HeaderMutationFilter(.init(response: [.remove("no name")])))],
                    routes: .inline(routes(Route(action: forward())))
                )
            ]),
            ["listeners[changing].filters[0].response[0].remove"]
        ),
        (
            MeshResources(routeConfigurations: [routes(Route(action: .directResponse(LocalReply(status: 99))))]),
            [route + ".directResponse.status"]
        ),
        (
            MeshResources(routeConfigurations: [
                RouteConfiguration(
                    name: "r",
                    virtualHosts: [
                        VirtualHost(name: "a", domains: [.any], routes: []),
                        VirtualHost(name: "b", domains: [.any], routes: []),
                    ]
                )
            ]),
            ["routeConfigurations[r].virtualHosts[1].domains"]
        ),
        (
            MeshResources(clusters: [
                Cluster(
                    name: "",
                    discovery: .fixed(EndpointAssignment(name: "", addresses: [address(1), address(1)])),
                    connectTimeout: .zero,
                    outlierDetection: OutlierDetection(maximumEjectionPercent: 101),
                    circuitBreaker: CircuitBreakerConfiguration(probes: 0)
                )
            ]),
            [
                "clusters[].name", "clusters[].connectTimeout", "clusters[].outlierDetection.maximumEjectionPercent",
                "clusters[].circuitBreaker.probes", "clusters[].endpoints.localities[0].endpoints[1]",
            ]
        ),
        (
            MeshResources(endpointAssignments: [
                EndpointAssignment(
                    name: "e",
                    localities: [
                        LocalityEndpoints(endpoints: [
                            ClusterEndpoint(
                                EndpointAddress(host: "::1", port: 1),
                                additionalAddresses: [EndpointAddress(host: "10.0.0.1", port: 1), address(3)]
                            ),
                            ClusterEndpoint(EndpointAddress(host: "10.0.0.1", port: 1)),
                            ClusterEndpoint(
                                address(2),
                                additionalAddresses: [EndpointAddress(unixSocketPath: "/s")]
                            ),
                        ])
                    ]
                )
            ]),
            [
                "endpointAssignments[e].localities[0].endpoints[0].additionalAddresses[1]",
                "endpointAssignments[e].localities[0].endpoints[1]",
                "endpointAssignments[e].localities[0].endpoints[2].additionalAddresses",
                "endpointAssignments[e].localities[0].endpoints[2].additionalAddresses[0]",
            ]
        ),
        (
            MeshResources(endpointAssignments: [
                EndpointAssignment(
                    name: "e",
                    localities: [
                        LocalityEndpoints(priority: 1, endpoints: [ClusterEndpoint(address(1), weight: 0)]),
                        LocalityEndpoints(priority: 1, endpoints: []),
                    ]
                )
            ]),
            [
                "endpointAssignments[e].localities[0].endpoints[0].weight", "endpointAssignments[e].localities[1]",
                "endpointAssignments[e].localities",
            ]
        ),
    ]

    @Test(arguments: problems)
    func `every problem is reported with its path`(resources: MeshResources, paths: [String]) {
        let error = #expect(throws: ConfigurationError.self) { try resources.validate() }
        #expect(error?.problems.map(\.path) == paths)
    }

    @Test func `problems of several resources come together`() {
        var resources = MeshResources()
        for (part, _) in Self.problems {
            resources.listeners.merge(part.listeners) { $1 }
            resources.clusters.merge(part.clusters) { $1 }
            resources.endpointAssignments.merge(part.endpointAssignments) { $1 }
        }
        let error = #expect(throws: ConfigurationError.self) {
            _ = try MeshSnapshot(generation: 1, resources: resources)
        }
        #expect((error?.problems.count ?? 0) >= 11)
    }

    @Test func `a route to a missing cluster and a cluster without endpoints are no mistakes`() throws {
        let resources = MeshResources(
            listeners: [Listener(name: "l", routes: .named("r"))],
            routeConfigurations: [Self.routes(Route(action: Self.forward()))],
            clusters: [Cluster(name: "other")]
        )
        #expect(try MeshSnapshot(generation: 3, resources: resources).generation == 3)
    }
}
