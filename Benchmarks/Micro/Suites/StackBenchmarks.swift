// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import ServiceMesh

/// Six layers whose policies are absent: what the shape alone costs.
private struct PassThroughStack: Sendable {
    typealias Attempt = DeadlineLayer<MinimalTransport, FixedPolicy<Nanoseconds>>
    typealias Retries = RetryLayer<MiddlewareSlot<Attempt>, FixedPolicy<Retry>>
    typealias Whole = FaultLayer<
        RateLimitLayer<DeadlineLayer<Retries, FixedPolicy<Nanoseconds>>, FixedPolicy<RateLimiter>>,
        FixedPolicy<FaultInjector>
    >

    let stack: Whole

    init() {
        let (clock, random) = (SystemClock(), MeshRandom(seed: 1))
        let attempt = Attempt(MinimalTransport(), scope: .attempt, source: FixedPolicy(nil), clock: clock)
        let retries = Retries(
            MiddlewareSlot([], around: attempt),
            source: FixedPolicy(nil),
            clock: clock,
            random: random
        )
        let deadline = DeadlineLayer(retries, scope: .request, source: FixedPolicy<Nanoseconds>(nil), clock: clock)
        let limit = RateLimitLayer(deadline, source: FixedPolicy<RateLimiter>(nil))
        stack = Whole(limit, source: FixedPolicy(nil))
    }

    func run(_ iterations: Int) async { await exchange(stack, iterations) }
}

/// The outbound stack as an adapter fixes it: to one request and response, in a struct that is not generic.
private struct FixedOutboundStack: Sendable {
    let stack: OutboundStack<MinimalTransport>
    let mesh: Mesh

    init(_ route: Route, _ cluster: Cluster) {
        let host = VirtualHost(name: "reviews", domains: [.exact("reviews")], routes: [route])
        let listener = Listener(
            name: "reviews:9080",
            routes: .inline(RouteConfiguration(name: "reviews", virtualHosts: [host]))
        )
        do {
            mesh = try Mesh(MeshConfiguration(isDisabled: false), random: MeshRandom(seed: 1))
            try mesh.apply(MeshResources(listeners: [listener], clusters: [cluster]))
        } catch {
            fatalError("\(error)")
        }
        stack = OutboundStack(mesh: mesh, leaf: MinimalTransport())
    }

    func run(_ iterations: Int) async { await exchange(stack, iterations) }
}

private func endpoints(_ count: UInt16) -> Cluster.Discovery {
    .fixed(
        EndpointAssignment(
            name: "reviews",
            addresses: (1...count).map { EndpointAddress(host: "10.0.0.1", port: $0) }
        )
    )
}

func stackBenchmarks() -> [Benchmark] {
    let passThrough = PassThroughStack()
    let plain = FixedOutboundStack(
        Route(action: .forward(.init(clusters: WeightedClusters(single: "reviews")))),
        Cluster(name: "reviews", discovery: endpoints(16))
    )
    let everything = FixedOutboundStack(
        Route(
            action: .forward(
                .init(
                    clusters: WeightedClusters(single: "reviews"),
                    timeout: .seconds(10),
                    retry: RetryPolicy(maximumAttempts: 3, perTryTimeout: .seconds(1))
                )
            ),
            fault: FaultConfiguration(abort: .init(status: 503, percentage: .none)),
            rateLimit: RateLimitConfiguration(
                maximumTokens: Int(UInt32.max),
                tokensPerFill: Int(UInt32.max),
                fillInterval: .milliseconds(1)
            )
        ),
        Cluster(
            name: "reviews",
            discovery: endpoints(16),
            loadBalancing: .init(LeastRequest()),
            outlierDetection: OutlierDetection(),
            circuitBreaker: CircuitBreakerConfiguration()
        )
    )
    return [
        Benchmark("stack/pass-through-6", leaf: "leaf/transport") { await passThrough.run($0) },
        Benchmark("stack/outbound-plain", leaf: "leaf/transport") { await plain.run($0) },
        Benchmark("stack/outbound", leaf: "leaf/transport") { await everything.run($0) },
    ]
}
