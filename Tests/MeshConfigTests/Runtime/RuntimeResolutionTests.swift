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
    @Test func `without values nothing is another`() {
        var resources = Layered.resources([:], routes: [Route(action: .nonForwarding)])
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
        let keyed = RuntimeFraction(Layered.share(10), key: "share")
        var forward = RouteAction.Forward(target: .clusters(WeightedClusters(single: "c")))
        forward.mirrors = [RequestMirror(.cluster("m"), fraction: RuntimeFraction(.all, key: "copies"))]
        let resolved = Layered.resources(
            ["share": .integer(30), "copies": .fraction(FractionalPercent(numerator: 1, denominator: .million))],
            routes: [Route(match: RouteMatch(fraction: keyed), action: .forward(forward))]
        ).resolvingRuntime()
        let route = Layered.routes(resolved).first
        #expect(route?.match.fraction == RuntimeFraction(Layered.share(30), key: "share"))
        #expect(
            Layered.forward(route)?.mirrors?.first?.fraction
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
        #expect(resolved?.mirrors.first?.fraction.share == Layered.share(5))
        #expect(resolved?.virtualHosts.first?.mirrors.first?.fraction.share == Layered.share(5))
        var shares: [FractionalPercent?] = []
        _ = resolved?.virtualHosts.first?.matcher?.map { list in
            shares += list.routes.map { $0.match.fraction?.share }
            return list
        }
        #expect(shares == [Layered.share(6)])
    }

    @Test func `the weights of clusters, all of them or none`() throws {
        let shares = [WeightedCluster("a", weight: 90), WeightedCluster("b", weight: 10)]
        let clusters = try WeightedClusters(shares, runtimeKeyPrefix: "w")
        let routes = [Route(action: .forward(.init(clusters: clusters)))]
        func weights(_ values: [String: RuntimeValue]) -> [UInt32] {
            let resolved = Layered.resources(values, routes: routes).resolvingRuntime()
            return Layered.forward(Layered.routes(resolved).first)?.shares.map(\.weight) ?? []
        }
        #expect(weights(["w.a": .integer(20)]) == [20, 10])
        #expect(weights(["w.a": .integer(0), "w.b": .integer(1)]) == [0, 1])
        #expect(weights(["w.a": .integer(0), "w.b": .integer(0)]) == [90, 10])
        #expect(weights(["w.a": .integer(1 << 31), "w.b": .integer(1 << 31)]) == [90, 10])
        #expect(weights(["w.a": .integer(1 << 32)]) == [90, 10])
        #expect(weights(["w.a": .boolean(true)]) == [90, 10])
        let none = Layered.resources(["w.a": .integer(0), "w.b": .integer(0)], routes: routes).resolvingRuntime()
        #expect(none.ignored.map(\.path) == ["w.a", "w.b"])
        #expect(none.ignored.first?.reason.contains("sum to 0") == true)
    }

    @Test func `what cannot be used leaves the configuration's own in force, and is told`() {
        var slowStart = SlowStart(window: .seconds(1))
        slowStart.aggressionKey = "grow"
        let cluster = Cluster(name: "c", loadBalancing: .init(RoundRobin(slowStart: slowStart)))
        let match = RouteMatch(fraction: RuntimeFraction(.all, key: "share"))
        let resolved = Layered.resources(
            ["grow": .integer(0), "share": .boolean(false), "nobody": .integer(1)],
            routes: [Route(match: match, action: .nonForwarding)],
            clusters: [cluster]
        ).resolvingRuntime()
        #expect((resolved.clusters["c"]?.loadBalancing.policy as? RoundRobin)?.slowStart == slowStart)
        #expect(Layered.routes(resolved).first?.match == match)
        #expect(
            resolved.ignored.map(\.description) == [
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
            "circuit_breakers.a.default.max_connections", "outlier_detection.consecutive_5xx",
            "outlier_detection.interval_ms", "outlier_detection.max_ejection_percent",
            "outlier_detection.enforcing_success_rate", "upstream.zone_routing.enabled",
            "adaptive_concurrency.gradient_controller.max_concurrency_limit",
            "adaptive_concurrency.gradient_controller.min_concurrency",
            "adaptive_concurrency.gradient_controller.sample_aggregate_percentile",
            "adaptive_concurrency.gradient_controller.min_rtt_buffer",
        ]
        var second = Cluster(name: "b", localities: .zoneAware(ZoneAware()))
        second.outlierDetection = OutlierDetection()
        second.policies.adaptiveLimit = AdaptiveLimitConfiguration(algorithm: .envoyGradient)
        for _ in 0..<2_000 {
            var values: [String: RuntimeValue] = [:]
            for key in keys { values[key] = extremes[Int(random.below(UInt64(extremes.count)))] }
            let resources = Layered.resources(
                values,
                routes: [Route(action: .forward(.init(clusters: clusters)), fault: fault)],
                filters: [.policies(TrafficPolicies(admissionControl: admission))],
                clusters: [Cluster(name: "a", loadBalancing: .init(policy)), second]
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
