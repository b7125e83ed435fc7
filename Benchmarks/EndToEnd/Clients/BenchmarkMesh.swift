// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshObservability
import MeshResilience
import MeshRouting
import ServiceMesh

/// A mesh with every policy on: a route table, a deadline, retries under a budget, a rate limit, a fault that is not
/// injected, concurrency limits, least request, outlier detection, a circuit breaker for each endpoint, trace
/// identifiers, and metrics under Istio's and Envoy's names.
enum BenchmarkMesh {
    static let authority = "orders:9080"

    static func make(
        _ plan: LoadPlan,
        _ version: ConnectionOptions.HTTPVersion,
        _ security: Cluster.UpstreamSecurity
    ) throws -> Mesh {
        let metrics = MetricsObserver(.init(factory: MemoryMetrics(), workload: "benchmark", service: "benchmark"))
        let mesh = try Mesh(MeshConfiguration(observers: [metrics], isDisabled: false))
        var cluster = Cluster(
            name: "orders",
            discovery: .fixed(
                EndpointAssignment(
                    name: "orders",
                    addresses: [EndpointAddress(host: "127.0.0.1", port: plan.port)]
                )
            ),
            loadBalancing: .init(LeastRequest()),
            outlierDetection: OutlierDetection(),
            upstreamSecurity: security,
            circuitBreaker: CircuitBreakerConfiguration()
        )
        cluster.connection.httpVersion = version
        try mesh.apply(MeshResources(listeners: [listener], clusters: [cluster]))
        return mesh
    }

    /// Three hosts, and two routes before the one that is taken, as in a table that somebody uses.
    private static let listener = Listener(
        name: authority,
        routes: .inline(
            RouteConfiguration(
                name: "orders",
                virtualHosts: [
                    VirtualHost(name: "others", domains: [.exact("reviews:9080"), .exact("ratings:9080")], routes: []),
                    VirtualHost(
                        name: "orders",
                        domains: [.exact("orders:9080"), .exact("orders")],
                        routes: [
                            Route(match: RouteMatch(path: PathMatcher(.prefix("/v2/"))), action: forward),
                            Route(match: RouteMatch(path: PathMatcher(.exact("/healthz"))), action: forward),
                            Route(
                                match: RouteMatch(path: PathMatcher(.prefix("/v1/"))),
                                action: forward,
                                fault: FaultConfiguration(abort: .init(status: 503, percentage: .none)),
                                rateLimit: RateLimitConfiguration(
                                    maximumTokens: Int(UInt32.max),
                                    tokensPerFill: Int(UInt32.max),
                                    fillInterval: .milliseconds(1)
                                )
                            ),
                        ]
                    ),
                ]
            )
        )
    )

    private static let forward = RouteAction.forward(
        .init(
            clusters: WeightedClusters(single: "orders"),
            timeout: .seconds(15),
            retry: RetryPolicy(maximumAttempts: 3, perTryTimeout: .seconds(5))
        )
    )
}
