// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import Testing

@testable import MeshXDS

@Suite("Policies for other clients")
struct PolicyTranslationTests {
    private func reports(_ resources: MeshResources, _ dialect: Dialect) -> [String] {
        ResourceEncoder(dialect: dialect).encode(resources).reports.map(\.path)
    }

    private func resources(_ route: Route) -> MeshResources {
        let host = VirtualHost(name: "h", domains: [.any], routes: [route])
        return MeshResources(routeConfigurations: [RouteConfiguration(name: "r", virtualHosts: [host])])
    }

    private func received(_ resources: MeshResources, _ dialect: Dialect) throws -> Route {
        let packed = try #require(ResourceEncoder(dialect: dialect).encode(resources).resources[.routeConfiguration])
        let decoded = try ResourceDecoder().decode(try #require(packed["r"]), as: .routeConfiguration).result.get()
        guard case .routeConfiguration(let table) = decoded.resource else { throw CancellationError() }
        return try #require(table.virtualHosts.first?.routes.first)
    }

    private let everything = TrafficPolicies(
        loadShedding: LoadShedderConfiguration(),
        fallback: LocalReply(status: 200),
        admissionControl: .finagle,
        hedging: HedgingConfiguration(delay: .afterFailure),
        adaptiveLimit: AdaptiveLimitConfiguration(),
        bulkhead: BulkheadConfiguration(maximumConcurrent: 3),
        circuitBreaker: CircuitBreakerConfiguration(),
        retryBudget: .tokens(RetryBudgetConfiguration())
    )
    private let names = [
        "loadShedding", "fallback", "admissionControl", "hedging", "adaptiveLimit", "bulkhead", "circuitBreaker",
        "retryBudget",
    ]

    @Test("what xDS has no field for is not sent, and every one of them is reported", arguments: Dialect.allCases)
    func reported(_ dialect: Dialect) throws {
        let cluster = Cluster(name: "c", policies: everything)
        let onCluster = reports(MeshResources(clusters: [cluster]), dialect)
        #expect(onCluster.filter { $0.contains("policies") } == names.map { "clusters[c].policies." + $0 })
        var onRoute = everything
        onRoute.retryBudget = nil
        let route = Route(
            action: .forward(.init(clusters: WeightedClusters(single: "c"))),
            policies: onRoute
        )
        let path = "route_configurations[r].virtual_hosts[0].routes[0].policies."
        #expect(reports(resources(route), dialect) == names.dropLast().map { path + $0 })
        #expect(try received(resources(route), dialect).policies == .none)
        let listener = Listener(name: "l", filters: [.policies(onRoute)], routes: .named("r"))
        let output = ResourceEncoder(dialect: dialect).encode(MeshResources(listeners: [listener]))
        #expect(output.reports.map(\.path) == names.dropLast().map { "listeners[l].filters[0]." + $0 })
    }

    @Test("hedges are sent as Envoy has them, and arrive as they were", arguments: [Dialect.own, .envoy])
    func hedges(_ dialect: Dialect) throws {
        let hedging = HedgingConfiguration(
            maximumAttempts: 3,
            delay: .fixed(.milliseconds(20)),
            ownBudget: nil,
            nonFatalGRPCStatusCodes: [8],
            hedgesNonIdempotent: true
        )
        var route = Route(
            action: .forward(.init(clusters: WeightedClusters(single: "c"))),
            policies: TrafficPolicies(hedging: hedging)
        )
        #expect(reports(resources(route), dialect) == [])
        #expect(try received(resources(route), dialect).policies == route.policies)
        // A budget of its own has no field.
        route.policies.hedging?.ownBudget = RetryBudgetConfiguration()
        let path = "route_configurations[r].virtual_hosts[0].routes[0].policies.hedging"
        #expect(reports(resources(route), dialect) == [path + ".ownBudget"])
        // Nor have retries beside hedges.
        route.action = .forward(.init(clusters: WeightedClusters(single: "c"), retry: RetryPolicy()))
        #expect(reports(resources(route), dialect) == [path])
        #expect(try received(resources(route), dialect).policies == .none)
    }

    @Test("settings of a filter that do not arrive are named")
    func losses() {
        let control = AdmissionControlConfiguration(
            algorithm: .successRate(.init(buckets: 7, countsRefusals: true)),
            mode: .observe
        )
        let listener = Listener(name: "l", filters: [.policies(.init(admissionControl: control))], routes: .named("r"))
        let path = "listeners[l].filters[0].admissionControl."
        #expect(
            reports(MeshResources(listeners: [listener]), .envoy)
                == ["buckets", "countsRefusals", "mode"].map { path + $0 }
        )
    }

    @Test("a fault that only observes, or is off, injects nothing anywhere", arguments: Dialect.allCases)
    func faults(_ dialect: Dialect) throws {
        var fault = FaultConfiguration(abort: .init(status: 503, percentage: .all))
        for mode in [PolicyMode.observe, .disabled] {
            fault.mode = mode
            let route = Route(action: .forward(.init(clusters: WeightedClusters(single: "c"))), fault: fault)
            #expect(try received(resources(route), dialect).fault == FaultConfiguration())
            let path = "route_configurations[r].virtual_hosts[0].routes[0].fault"
            #expect(reports(resources(route), dialect) == (mode == .observe ? [path] : []))
        }
    }

    @Test("a timeout that only observes ends nobody's requests anywhere", arguments: Dialect.allCases)
    func timeouts(_ dialect: Dialect) throws {
        var forward = RouteAction.Forward(
            clusters: WeightedClusters(single: "c"),
            timeout: .seconds(1),
            retry: RetryPolicy(perTryTimeout: .milliseconds(100))
        )
        forward.timeoutMode = .observe
        forward.perTryTimeoutMode = .observe
        let route = Route(action: .forward(forward))
        let path = "route_configurations[r].virtual_hosts[0].routes[0]."
        #expect(reports(resources(route), dialect) == [path + "timeout", path + "retry.perTryTimeout"])
        guard case .forward(let received) = try received(resources(route), dialect).action else {
            throw CancellationError()
        }
        #expect(received.timeout == nil && received.retry?.perTryTimeout == nil)
    }

    @Test("what a client would refuse, or would act on, is not sent", arguments: [Dialect.own, .envoy])
    func refused(_ dialect: Dialect) throws {
        let limit = AdaptiveLimitConfiguration(
            algorithm: .envoyGradient(.init(measureInterval: Nanoseconds(rawValue: 1_000)))
        )
        let control = AdmissionControlConfiguration(algorithm: .successRate(.init(threshold: 0.001)))
        let filters: [HTTPFilter] = [.policies(.init(admissionControl: control, adaptiveLimit: limit))]
        let listener = Listener(name: "l", filters: filters, routes: .named("r"))
        let output = ResourceEncoder(dialect: dialect).encode(MeshResources(listeners: [listener]))
        let path = "listeners[l].filters[0]."
        #expect(output.reports.map(\.path) == [path + "admissionControl", path + "adaptiveLimit"])
        let packed = try #require(output.resources[.listener]?["l"])
        guard case .listener(let received) = try ResourceDecoder().decode(packed, as: .listener).result.get().resource
        else { throw CancellationError() }
        #expect(!received.filters.contains { if case .policies = $0 { true } else { false } })
        for mode in [PolicyMode.observe, .disabled] {
            let budget = RetryBudgetChoice.concurrency(.init(mode: mode))
            let cluster = Cluster(name: "c", policies: TrafficPolicies(retryBudget: budget))
            #expect(reports(MeshResources(clusters: [cluster]), dialect) == ["clusters[c].policies.retryBudget"])
        }
    }

    @Test("a smooth limit is a bucket of single tokens, and Envoy's is filled no more often than it can be")
    func buckets() throws {
        func received(_ limit: RateLimitConfiguration, _ dialect: Dialect) throws -> RateLimitConfiguration? {
            let route = Route(action: .forward(.init(clusters: WeightedClusters(single: "c"))), rateLimit: limit)
            return try self.received(resources(route), dialect).rateLimit
        }
        let smooth = RateLimitConfiguration(rate: 60, per: .seconds(60), burst: 10, algorithm: .smooth)
        let bucket = RateLimitConfiguration(maximumTokens: 10, tokensPerFill: 1, fillInterval: .seconds(1))
        #expect(try received(smooth, .own) == bucket)
        #expect(try received(smooth, .envoy) == bucket)
        let fast = RateLimitConfiguration(maximumTokens: 2, tokensPerFill: 2, fillInterval: .milliseconds(10))
        #expect(try received(fast, .own) == fast)
        let slower = try #require(try received(fast, .envoy))
        #expect(slower.fillInterval >= .milliseconds(50) && slower.maximumTokens >= slower.tokensPerFill)
        let perSecond = Double(slower.tokensPerFill) * 1e9 / Double(slower.fillInterval.rawValue)
        #expect(abs(perSecond - 200) < 1)
    }

    @Test("not to wait between retries is sent as the shortest wait there is")
    func noBackoff() throws {
        let retry = RetryPolicy(backoff: .none)
        let route = Route(action: .forward(.init(clusters: WeightedClusters(single: "c"), retry: retry)))
        guard case .forward(let forward) = try received(resources(route), .envoy).action else {
            throw CancellationError()
        }
        #expect(forward.retry?.backoff.base == Nanoseconds(rawValue: 1))
        #expect(!reports(resources(route), .envoy).isEmpty)
    }

    @Test("settings of faults, limits and retries that do not arrive are named")
    func lossesOfRoutes() {
        let fault = FaultConfiguration(
            abort: .init(status: 503, percentage: .all),
            timeToLive: .seconds(60)
        )
        let limit = RateLimitConfiguration(rate: 5, per: .seconds(1), algorithm: .smooth)
        let retry = RetryPolicy(totalTime: .seconds(1), mode: .observe)
        let route = Route(
            action: .forward(.init(clusters: WeightedClusters(single: "c"), retry: retry)),
            fault: fault,
            rateLimit: limit
        )
        let path = "route_configurations[r].virtual_hosts[0].routes[0]."
        #expect(
            reports(resources(route), .envoy)
                == [
                    "fault.timeToLive", "rateLimit.tokensPerFill", "rateLimit.fillInterval", "rateLimit.algorithm",
                    "retry",
                ].map { path + $0 }
        )
    }
}
