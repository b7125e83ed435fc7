// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Synchronization

@testable import ServiceMesh

/// A whole mesh over a network in memory, in virtual time, with a contract under its stack.
struct MeshFixture: Sendable {
    typealias Leaf = TransportContract<InMemoryTransport>

    let clock = ManualClock()
    let observer = RecordingObserver()
    let network: InMemoryTransport
    let contract: Leaf
    let mesh: Mesh
    let stack: OutboundStack<Leaf>

    init(
        _ resources: MeshResources,
        seed: UInt64 = 1,
        policy: MeshConfiguration.OutboundTrafficPolicy = .allowAny,
        retryBudget: RetryBudgetChoice? = .tokens(RetryBudgetConfiguration()),
        systemLoad: SystemLoad? = nil,
        rateLimitServices: RateLimitServices = .none,
        localCluster: String = "",
        locality: Locality = Locality(),
        isDisabled: Bool = false,
        replay: ResponseReplay<InMemoryRequest, InMemoryResponse>? = nil,
        requestMiddleware: [any Middleware<InMemoryRequest, InMemoryResponse>] = [],
        attemptMiddleware: [any Middleware<InMemoryRequest, InMemoryResponse>] = [],
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step = { _, _ in .status(200) }
    ) throws {
        network = InMemoryTransport(clock: clock, answer: answer)
        contract = TransportContract(network)
        mesh = try Mesh(
            MeshConfiguration(
                outboundTrafficPolicy: policy,
                retryBudget: retryBudget,
                systemLoad: systemLoad,
                rateLimitServices: rateLimitServices,
                locality: locality,
                localCluster: localCluster,
                observers: [observer],
                isDisabled: isDisabled
            ),
            clock: clock,
            random: MeshRandom(seed: seed)
        )
        try mesh.apply(resources)
        stack = OutboundStack(
            mesh: mesh,
            leaf: contract,
            replay: replay,
            requestMiddleware: requestMiddleware,
            attemptMiddleware: attemptMiddleware
        )
    }

    /// Sends a request and reads its answer to the end.
    @discardableResult
    func send(
        _ request: InMemoryRequest = InMemoryRequest(),
        deadline: Deadline = .never
    ) async -> Result<Int, any Error> {
        var context = mesh.makeContext(deadline: deadline)
        do {
            return .success(try await stack.withResponse(to: request, context: &context) { $0.statusCode })
        } catch {
            return .failure(error)
        }
    }

    /// Waits for work that nobody waits for, such as copies of requests: gives way until the condition holds, at most
    /// 100 000 times.
    func until(_ condition: () -> Bool) async {
        for _ in 0..<100_000 where !condition() { await Task.yield() }
    }

    /// How many attempts went to each endpoint, by its port.
    var attemptsByPort: [UInt16: Int] {
        network.sent.reduce(into: [:]) { $0[$1.endpoint?.port ?? 0, default: 0] += 1 }
    }

    /// The live form of a cluster.
    func cluster(_ name: String) -> ClusterRuntime? { mesh.loadSnapshot().clusters[name] }

    /// Whether nothing is under way any more, neither in the network nor in the mesh's counts.
    var isAtRest: Bool {
        contract.violations.isEmpty
            && mesh.loadSnapshot().clusters.values.allSatisfy { cluster in
                cluster.live.activeRequests.load(ordering: .relaxed) == 0
                    && cluster.endpoints.allSatisfy { $0.activeRequests.load(ordering: .relaxed) == 0 }
            }
    }
}

extension Result where Failure == any Error {
    /// The mesh's error, if there is one.
    var meshError: MeshError? {
        if case .failure(let error) = self { error as? MeshError } else { nil }
    }

    /// The value, if there is one.
    var value: Success? { try? get() }
}

/// Shorthands for the resources that tests are about.
enum Given {
    static func address(_ port: UInt16) -> EndpointAddress { EndpointAddress(host: "10.0.0.1", port: port) }

    static func cluster(
        _ name: String,
        ports: [UInt16],
        outlierDetection: OutlierDetection? = nil,
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        maximumRequests: UInt32 = 1024
    ) -> Cluster {
        Cluster(
            name: name,
            discovery: .fixed(EndpointAssignment(name: name, addresses: ports.map(address))),
            outlierDetection: outlierDetection,
            concurrencyLimit: ConcurrencyLimitConfiguration(maximumRequests: maximumRequests),
            circuitBreaker: circuitBreaker
        )
    }

    static func forward(
        _ shares: [WeightedCluster],
        timeout: Nanoseconds? = nil,
        retry: RetryPolicy? = nil
    ) throws -> RouteAction {
        .forward(.init(clusters: try WeightedClusters(shares), timeout: timeout, retry: retry))
    }

    static func forward(to cluster: String, timeout: Nanoseconds? = nil, retry: RetryPolicy? = nil) -> RouteAction {
        .forward(.init(clusters: WeightedClusters(single: cluster), timeout: timeout, retry: retry))
    }

    static func reviews(_ routes: [Route], _ clusters: [Cluster], filters: [HTTPFilter] = []) -> MeshResources {
        MeshResources(
            listeners: [
                Listener(
                    name: "reviews:9080",
                    filters: filters,
                    routes: .inline(
                        RouteConfiguration(
                            name: "reviews",
                            virtualHosts: [VirtualHost(name: "reviews", domains: [.exact("reviews")], routes: routes)]
                        )
                    )
                )
            ],
            clusters: clusters
        )
    }

    /// One route to one cluster.
    static func simple(
        ports: [UInt16] = [1],
        timeout: Nanoseconds? = nil,
        retry: RetryPolicy? = nil,
        fault: FaultConfiguration? = nil,
        rateLimit: RateLimitConfiguration? = nil,
        outlierDetection: OutlierDetection? = nil,
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        maximumRequests: UInt32 = 1024
    ) -> MeshResources {
        reviews(
            [
                Route(
                    name: "default",
                    action: forward(to: "v1", timeout: timeout, retry: retry),
                    fault: fault,
                    rateLimit: rateLimit
                )
            ],
            [
                cluster(
                    "v1",
                    ports: ports,
                    outlierDetection: outlierDetection,
                    circuitBreaker: circuitBreaker,
                    maximumRequests: maximumRequests
                )
            ]
        )
    }

    /// Retries that do not wait.
    static func retry(
        attempts: Int = 2,
        on conditions: RetryConditions = [.serverError, .connectFailure],
        perTryTimeout: Nanoseconds? = nil
    ) -> RetryPolicy {
        RetryPolicy(
            maximumAttempts: attempts,
            conditions: conditions,
            perTryTimeout: perTryTimeout,
            backoff: Backoff(base: Nanoseconds(rawValue: 1), maximum: Nanoseconds(rawValue: 1))
        )
    }
}
