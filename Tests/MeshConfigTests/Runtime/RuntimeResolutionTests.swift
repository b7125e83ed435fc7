// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import Testing

/// The runtime's values in the places of the configuration's own.
@Suite struct RuntimeResolutionTests {
    private static func resources(
        _ values: [String: RuntimeValue],
        routes: [Route] = [],
        filters: [HTTPFilter] = [],
        clusters: [Cluster] = []
    ) -> MeshResources {
        let table = RouteConfiguration(
            name: "t",
            virtualHosts: [VirtualHost(name: "h", domains: [.any], routes: routes)]
        )
        return MeshResources(
            listeners: [Listener(name: "l", filters: filters, routes: .inline(table))],
            clusters: clusters,
            runtimeLayers: [RuntimeLayer(name: "rtds", values: values)]
        )
    }

    private static func routes(_ resources: MeshResources) -> [Route] {
        guard case .inline(let table)? = resources.listeners["l"]?.routes else { return [] }
        return table.virtualHosts.flatMap(\.routes)
    }

    private static func forward(_ route: Route?) -> RouteAction.Forward? {
        guard case .forward(let forward)? = route?.action else { return nil }
        return forward
    }

    private static func unread(_ resources: MeshResources) -> [String] { resources.ignored.map(\.description) }

    private static func share(_ percent: UInt32) -> FractionalPercent { FractionalPercent(numerator: percent) }

    @Test func `without values nothing is another`() {
        var resources = Self.resources([:], routes: [Route(action: .nonForwarding)])
        #expect(resources.resolvingRuntime() == resources)
        resources.runtimeLayers = []
        #expect(resources.resolvingRuntime() == resources)
    }

    @Test func `of a key the last layer counts that has it`() {
        var resources = MeshResources(
            runtimeLayers: [
                RuntimeLayer(name: "a", values: ["x": .integer(1), "y": .integer(1)]),
                RuntimeLayer(name: "b", values: ["y": .integer(2)]),
                RuntimeLayer(name: "a", values: ["x": .integer(3)]),
            ]
        )
        #expect(resources.runtimeLayers.map(\.name) == ["b", "a"])
        #expect(resources.runtime["x"] == RuntimeSetting("x", .integer(3), layer: "a"))
        #expect(resources.runtime["y"] == RuntimeSetting("y", .integer(2), layer: "b"))
        resources.addRuntimeLayer(RuntimeLayer(name: "b", values: ["x": .integer(4)]))
        #expect(resources.runtime["x"]?.layer == "b" && resources.runtime["y"] == nil)
    }

    @Test func `the share of a route, and that of its copies`() {
        let keyed = RuntimeFraction(Self.share(10), key: "share")
        var forward = RouteAction.Forward(target: .clusters(WeightedClusters(single: "c")))
        forward.mirrors = [RequestMirror(.cluster("m"), fraction: RuntimeFraction(.all, key: "copies"))]
        let resolved = Self.resources(
            ["share": .integer(30), "copies": .fraction(FractionalPercent(numerator: 1, denominator: .million))],
            routes: [Route(match: RouteMatch(fraction: keyed), action: .forward(forward))]
        ).resolvingRuntime()
        let route = Self.routes(resolved).first
        #expect(route?.match.fraction == RuntimeFraction(Self.share(30), key: "share"))
        #expect(
            Self.forward(route)?.mirrors?.first?.fraction
                == RuntimeFraction(FractionalPercent(numerator: 1, denominator: .million), key: "copies")
        )
        #expect(resolved.ignored == [])
    }

    @Test func `of tables and virtual hosts, too, and in trees`() {
        let mirror = RequestMirror(.cluster("m"), fraction: RuntimeFraction(.all, key: "copies"))
        let match = RouteMatch(fraction: RuntimeFraction(.all, key: "share"))
        let list = VirtualHost.RouteList([Route(match: match, action: .nonForwarding)])
        let predicate = MatcherPredicate.value(.header("x"), StringMatcher(.exact("y")))
        var host = VirtualHost(name: "h", domains: [.any], routes: [])
        host.mirrors = [mirror]
        host.matcher = MatcherTree(.list([.init(predicate, .init(.action(list)))]))
        var table = RouteConfiguration(name: "t", virtualHosts: [host])
        table.mirrors = [mirror]
        let layer = RuntimeLayer(name: "rtds", values: ["copies": .integer(5), "share": .integer(6)])
        let resources = MeshResources(routeConfigurations: [table], runtimeLayers: [layer]).resolvingRuntime()
        let resolved = resources.routeConfigurations["t"]
        #expect(resolved?.mirrors.first?.fraction.share == Self.share(5))
        #expect(resolved?.virtualHosts.first?.mirrors.first?.fraction.share == Self.share(5))
        var shares: [FractionalPercent?] = []
        _ = resolved?.virtualHosts.first?.matcher?.map { list in
            shares += list.routes.map { $0.match.fraction?.share }
            return list
        }
        #expect(shares == [Self.share(6)])
    }

    @Test func `the weights of clusters, all of them or none`() throws {
        let shares = [WeightedCluster("a", weight: 90), WeightedCluster("b", weight: 10)]
        let clusters = try WeightedClusters(shares, runtimeKeyPrefix: "w")
        let routes = [Route(action: .forward(.init(clusters: clusters)))]
        func weights(_ values: [String: RuntimeValue]) -> [UInt32] {
            let resolved = Self.resources(values, routes: routes).resolvingRuntime()
            return Self.forward(Self.routes(resolved).first)?.shares.map(\.weight) ?? []
        }
        #expect(weights(["w.a": .integer(20)]) == [20, 10])
        #expect(weights(["w.a": .integer(0), "w.b": .integer(1)]) == [0, 1])
        #expect(weights(["w.a": .integer(0), "w.b": .integer(0)]) == [90, 10])
        #expect(weights(["w.a": .integer(1 << 31), "w.b": .integer(1 << 31)]) == [90, 10])
        #expect(weights(["w.a": .integer(1 << 32)]) == [90, 10])
        #expect(weights(["w.a": .boolean(true)]) == [90, 10])
        let none = Self.resources(["w.a": .integer(0), "w.b": .integer(0)], routes: routes).resolvingRuntime()
        #expect(none.ignored.map(\.path) == ["w.a", "w.b"])
        #expect(none.ignored.first?.reason.contains("sum to 0") == true)
    }

    @Test func `faults, by Envoy's keys or their own`() {
        var fault = FaultConfiguration(
            delay: .init(duration: .seconds(1), percentage: .none, upTo: .seconds(2)),
            abort: .init(status: 503, percentage: .none),
            responseRate: .init(kibibytesPerSecond: 1, percentage: .none)
        )
        func resolved(_ values: [String: RuntimeValue]) -> FaultConfiguration? {
            Self.routes(
                Self.resources(values, routes: [Route(action: .nonForwarding, fault: fault)]).resolvingRuntime()
            )
            .first?.fault
        }
        let all = resolved([
            "fault.http.delay.fixed_delay_percent": .integer(1), "fault.http.delay.fixed_duration_ms": .integer(250),
            "fault.http.abort.abort_percent": .integer(2), "fault.http.abort.http_status": .integer(418),
            "fault.http.max_active_faults": .integer(7), "fault.http.rate_limit.response_percent": .integer(3),
        ])
        #expect(all?.delay == .init(duration: .milliseconds(250), percentage: Self.share(1)))
        #expect(all?.abort == .init(status: 418, percentage: Self.share(2)))
        #expect(all?.responseRate?.percentage == Self.share(3))
        #expect(all?.maximumActive == 7)
        // No time is no delay, no fault at once is no fault, and a status must be one.
        #expect(resolved(["fault.http.delay.fixed_duration_ms": .integer(0)])?.delay == nil)
        let none = resolved(["fault.http.max_active_faults": .integer(0)])
        #expect(none?.delay == nil && none?.abort == nil && none?.responseRate == nil)
        #expect(resolved(["fault.http.abort.http_status": .integer(199)])?.abort?.status == 503)
        #expect(resolved(["fault.http.abort.grpc_status": .integer(5)])?.abort?.grpcStatus == nil)
        fault.abort = .init(grpcStatus: 14, percentage: .all)
        #expect(resolved(["fault.http.abort.grpc_status": .integer(5)])?.abort?.grpcStatus == 5)
        fault.runtimeKeys.abortPercentage = "own"
        let own = resolved(["own": .integer(9), "fault.http.abort.abort_percent": .integer(2)])
        #expect(own?.abort?.percentage == Self.share(9))
    }

    @Test func `what requests ask for is theirs, but for the share`() {
        let fault = FaultConfiguration(delay: .init(byHeader: .all), abort: .init(byHeader: .all))
        let values: [String: RuntimeValue] = [
            "fault.http.delay.fixed_delay_percent": .integer(1), "fault.http.delay.fixed_duration_ms": .integer(250),
            "fault.http.abort.http_status": .integer(418),
        ]
        let resolved = Self.resources(values, filters: [.fault(fault)]).resolvingRuntime()
        guard case .fault(let found)? = resolved.listeners["l"]?.filters.first else {
            Issue.record("there is no fault")
            return
        }
        #expect(found.delay == .init(byHeader: Self.share(1)))
        #expect(found.abort == .init(byHeader: .all))
        #expect(resolved.ignored.map(\.path) == ["fault.http.abort.http_status", "fault.http.delay.fixed_duration_ms"])
    }

    @Test func `CORS and rate limits`() {
        let cors = CORSPolicy(
            origins: [],
            enabled: RuntimeFraction(.all, key: "cors.on"),
            observed: RuntimeFraction(.none, key: "cors.shadow")
        )
        var forward = RouteAction.Forward(target: .clusters(WeightedClusters(single: "c")))
        forward.rateLimits = [RouteRateLimit([.sourceCluster], disableKey: "k"), RouteRateLimit([.sourceCluster])]
        let local = LocalRateLimitFilter(
            LocalRateLimitConfiguration(),
            enabled: RuntimeFraction(.none, key: "local.on"),
            enforced: RuntimeFraction(.none, key: "local.enforced")
        )
        let resolved = Self.resources(
            [
                "cors.on": .integer(1), "cors.shadow": .integer(2), "ratelimit.k.http_filter_enabled": .integer(3),
                "local.on": .integer(4), "local.enforced": .integer(5),
            ],
            routes: [Route(action: .forward(forward), cors: cors)],
            filters: [.localRateLimit(local)]
        ).resolvingRuntime()
        let route = Self.routes(resolved).first
        #expect(route?.cors?.enabled.share == Self.share(1) && route?.cors?.observed.share == Self.share(2))
        let limits = Self.forward(route)?.rateLimits ?? []
        #expect(limits.map { $0.share } == [Self.share(3), FractionalPercent.all])
        #expect(limits.first?.isEnabled(RoutingFacts(random: 2)) == true)
        #expect(limits.first?.isEnabled(RoutingFacts(random: 3)) == false)
        guard case .localRateLimit(let filter)? = resolved.listeners["l"]?.filters.first else {
            Issue.record("there is no limit")
            return
        }
        #expect(filter.enabled.share == Self.share(4) && filter.enforced.share == Self.share(5))
        #expect(resolved.ignored == [])
    }

    @Test func `admission control, within Envoy's bounds`() {
        let keys = AdmissionRuntimeKeys(
            enabled: "on",
            aggression: "aggression",
            threshold: "threshold",
            minimumRate: "rate",
            maximumRefusal: "refusal"
        )
        let policies = TrafficPolicies(admissionControl: AdmissionControlConfiguration(runtimeKeys: keys))
        func resolved(_ values: [String: RuntimeValue]) -> AdmissionControlConfiguration? {
            let resources = Self.resources(values, filters: [.policies(policies)]).resolvingRuntime()
            guard case .policies(let policies)? = resources.listeners["l"]?.filters.first else { return nil }
            return policies.admissionControl
        }
        func rate(_ values: [String: RuntimeValue]) -> AdmissionControlConfiguration.SuccessRate? {
            guard case .successRate(let rate)? = resolved(values)?.algorithm else { return nil }
            return rate
        }
        #expect(resolved(["on": .boolean(false)])?.mode == .disabled)
        #expect(resolved(["on": .integer(1)])?.mode == .enforce)
        #expect(resolved(["refusal": .number(12.5)])?.maximumRefusal == 0.125)
        #expect(resolved(["refusal": .integer(500)])?.maximumRefusal == 1)
        #expect(resolved(["refusal": .number(-1)])?.maximumRefusal == 0.8)
        #expect(rate(["aggression": .number(2.5)])?.aggression == 2.5)
        #expect(rate(["aggression": .number(0.5)])?.aggression == 1)
        #expect(rate(["threshold": .integer(50)])?.threshold == 0.5)
        #expect(rate(["threshold": .integer(0)])?.threshold == 0.95)
        #expect(rate(["rate": .integer(9)])?.minimumRate == 9)
        #expect(rate(["rate": .integer(.max)])?.minimumRate == 1_000_000)
    }

    @Test func `adaptive concurrency is switched on and off`() {
        var limit = AdaptiveLimitConfiguration(mode: .disabled, enabledKey: "on")
        func mode(_ value: RuntimeValue) -> PolicyMode? {
            var cluster = Cluster(name: "c")
            cluster.policies.adaptiveLimit = limit
            return Self.resources(["on": value], clusters: [cluster]).resolvingRuntime()
                .clusters["c"]?.policies.adaptiveLimit?.mode
        }
        #expect(mode(.boolean(true)) == .enforce)
        #expect(mode(.text("yes")) == .disabled)
        limit.mode = .observe
        #expect(mode(.boolean(false)) == .disabled)
    }

    @Test func `how clusters pick and how much they take`() {
        var slowStart = SlowStart(window: .seconds(1))
        slowStart.aggressionKey = "grow"
        var policy = LeastRequest(slowStart: slowStart)
        policy.activeRequestBiasKey = "bias"
        let cluster = Cluster(name: "c", loadBalancing: .init(policy))
        let robin = Cluster(name: "r", loadBalancing: .init(RoundRobin(slowStart: slowStart)))
        let resolved = Self.resources(
            [
                "bias": .number(0.5), "grow": .integer(2), "upstream.healthy_panic_threshold": .integer(20),
                "circuit_breakers.c.default.max_requests": .integer(5),
                "circuit_breakers.c.default.max_pending_requests": .integer(6),
                "circuit_breakers.c.default.max_connections": .integer(7),
                "circuit_breakers.c.high.max_requests": .integer(8),
                "circuit_breakers.other.high.max_requests": .integer(9),
            ],
            clusters: [cluster, robin]
        ).resolvingRuntime()
        let found = resolved.clusters["c"]
        let picked = found?.loadBalancing.policy as? LeastRequest
        #expect(picked?.activeRequestBias == 0.5 && picked?.slowStart?.aggression == 2)
        #expect((resolved.clusters["r"]?.loadBalancing.policy as? RoundRobin)?.slowStart?.aggression == 2)
        #expect(found?.panicThreshold == 20)
        #expect(found?.concurrencyLimit == .init(maximumRequests: 5, maximumPendingRequests: 6, maximumConnections: 7))
        #expect(found?.maximumHighPriorityRequests == 8)
        #expect(Self.unread(resolved).count == 1)
    }

    @Test func `what cannot be used leaves the configuration's own in force, and is told`() {
        var slowStart = SlowStart(window: .seconds(1))
        slowStart.aggressionKey = "grow"
        let cluster = Cluster(name: "c", loadBalancing: .init(RoundRobin(slowStart: slowStart)))
        let match = RouteMatch(fraction: RuntimeFraction(.all, key: "share"))
        let resolved = Self.resources(
            ["grow": .integer(0), "share": .boolean(false), "nobody": .integer(1)],
            routes: [Route(match: match, action: .nonForwarding)],
            clusters: [cluster]
        ).resolvingRuntime()
        #expect((resolved.clusters["c"]?.loadBalancing.policy as? RoundRobin)?.slowStart == slowStart)
        #expect(Self.routes(resolved).first?.match == match)
        #expect(
            Self.unread(resolved) == [
                "runtime layer rtds: grow: must be above 0, is 0.0",
                "runtime layer rtds: nobody: nothing in the configuration asks for it",
                "runtime layer rtds: share: is false, which is no share",
            ]
        )
        #expect(throws: Never.self) { try resolved.validate() }
    }

    @Test func `whatever the values are, what was valid stays so`() throws {
        let random = MeshRandom(seed: 5)
        let extremes: [RuntimeValue] = [
            .integer(0), .integer(1), .integer(101), .integer(.max), .number(-1), .number(0.001), .number(1e300),
            .boolean(true), .boolean(false), .text("x"), .fraction(.init(numerator: .max, denominator: .million)),
        ]
        var slowStart = SlowStart(window: .seconds(1))
        slowStart.aggressionKey = "grow"
        var policy = LeastRequest(slowStart: slowStart)
        policy.activeRequestBiasKey = "bias"
        let fault = FaultConfiguration(
            delay: .init(duration: .seconds(1), percentage: .all),
            abort: .init(status: 503, percentage: .all)
        )
        let clusters = try WeightedClusters([WeightedCluster("a"), WeightedCluster("b")], runtimeKeyPrefix: "w")
        let admission = AdmissionControlConfiguration(
            runtimeKeys: .init(
                enabled: "a1",
                aggression: "a2",
                threshold: "a3",
                minimumRate: "a4",
                maximumRefusal: "a5"
            )
        )
        let keys = [
            "grow", "bias", "w.a", "w.b", "a1", "a2", "a3", "a4", "a5", "upstream.healthy_panic_threshold",
            "fault.http.delay.fixed_duration_ms", "fault.http.abort.http_status", "fault.http.max_active_faults",
            "circuit_breakers.a.default.max_connections",
        ]
        for _ in 0..<2_000 {
            var values: [String: RuntimeValue] = [:]
            for key in keys { values[key] = extremes[Int(random.below(UInt64(extremes.count)))] }
            let resources = Self.resources(
                values,
                routes: [Route(action: .forward(.init(clusters: clusters)), fault: fault)],
                filters: [.policies(TrafficPolicies(admissionControl: admission))],
                clusters: [Cluster(name: "a", loadBalancing: .init(policy)), Cluster(name: "b")]
            )
            #expect(throws: Never.self, "\(values)") { try resources.resolvingRuntime().validate() }
        }
    }

    @Test func `layers are bounded, and have names of their own`() {
        func problems(_ layers: [RuntimeLayer]) -> [String] {
            var resources = MeshResources()
            resources.runtimeLayers = layers
            do {
                try resources.validate()
                return []
            } catch {
                return error.problems.map(\.path)
            }
        }
        #expect(problems([RuntimeLayer(name: "a"), RuntimeLayer(name: "b")]) == [])
        #expect(problems([RuntimeLayer(name: "a"), RuntimeLayer(name: "a")]) == ["runtimeLayers[1].name"])
        #expect(problems([RuntimeLayer(name: "")]) == ["runtimeLayers[0].name"])
        #expect(problems([RuntimeLayer(name: "a", values: ["": .integer(1)])]) == ["runtimeLayers[0].values"])
        #expect(
            problems([RuntimeLayer(name: "a", values: ["k": .number(.infinity)])]) == ["runtimeLayers[0].values[k]"]
        )
        let long = String(repeating: "x", count: RuntimeLayer.maximumLength + 1)
        #expect(problems([RuntimeLayer(name: "a", values: ["k": .text(long)])]) == ["runtimeLayers[0].values[k]"])
        #expect(problems([RuntimeLayer(name: "a", values: [long: .integer(1)])]) == ["runtimeLayers[0].values"])
    }
}
