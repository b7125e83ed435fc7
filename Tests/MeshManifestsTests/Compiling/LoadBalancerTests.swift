// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshManifests
import Testing

@Suite("A DestinationRule's load balancer")
struct LoadBalancerTests {
    /// A rule whose load balancer is of the whole, and one whose is of the subset `v1`, too.
    private static func rule(_ whole: String?, subset: String? = nil) -> String {
        let policy = whole.map { "\n  trafficPolicy: {loadBalancer: \($0)}" } ?? ""
        let own = subset.map { ", trafficPolicy: {loadBalancer: \($0)}" } ?? ""
        return """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: reviews}
            spec:
              host: reviews\(policy)
              subsets: [{name: v1, labels: {version: v1}\(own)}]

            """
    }

    private static func balancing(
        _ text: String,
        subset: String = "",
        isProxylessGRPC: Bool = false
    ) -> Cluster.LoadBalancing? {
        let node = Node(labels: [:], isProxylessGRPC: isProxylessGRPC)
        return Compilation(text, for: node).resources.clusters[Bookinfo.cluster("reviews", subset)]?.loadBalancing
    }

    /// What istiod makes of each word for proxies (`applyLoadBalancer`).
    @Test(
        arguments: [
            (nil, .init(LeastRequest(choiceCount: 2))),
            ("{}", .init(LeastRequest())),
            ("{simple: UNSPECIFIED}", .init(LeastRequest())),
            ("{simple: LEAST_CONN}", .init(LeastRequest())),
            ("{simple: LEAST_REQUEST}", .init(LeastRequest())),
            ("{simple: ROUND_ROBIN}", .init(RoundRobin())),
            ("{simple: RANDOM}", .init(RandomChoice())),
            // There is no address that the caller wanted to reach.
            ("{simple: PASSTHROUGH}", .init(LeastRequest())),
            ("{warmupDurationSecs: 90s}", .init(LeastRequest(slowStart: SlowStart(window: .seconds(90))))),
            ("{simple: ROUND_ROBIN, warmupDurationSecs: 9s}", .init(RoundRobin(slowStart: .init(window: .seconds(9))))),
            (
                "{warmup: {duration: 1m}}",
                .init(LeastRequest(slowStart: SlowStart(window: .seconds(60), aggression: 1, minimumWeightPercent: 10)))
            ),
            (
                "{simple: ROUND_ROBIN, warmup: {duration: 1m, minimumPercent: 0, aggression: 3}}",
                .init(RoundRobin(slowStart: SlowStart(window: .seconds(60), aggression: 3, minimumWeightPercent: 0)))
            ),
        ] as [(String?, Cluster.LoadBalancing)]
    )
    func `is the least request unless it says otherwise`(settings: String?, balancing: Cluster.LoadBalancing) {
        #expect(Self.balancing(Self.rule(settings)) == balancing)
    }

    /// What istiod makes of each word for gRPC without a proxy (`grpcgen`).
    @Test(
        arguments: [
            (nil, .init(RoundRobin())), ("{simple: UNSPECIFIED}", .init(RoundRobin())),
            ("{simple: ROUND_ROBIN}", .init(RoundRobin())), ("{simple: LEAST_REQUEST}", .init(LeastRequest())),
            ("{consistentHash: {httpHeaderName: a}}", .init(RingHash())),
        ] as [(String?, Cluster.LoadBalancing)]
    )
    func `leaves what it does not say to gRPC where that is the client`(
        settings: String?,
        balancing: Cluster.LoadBalancing
    ) {
        #expect(Self.balancing(Self.rule(settings), isProxylessGRPC: true) == balancing)
    }

    @Test
    func `of a subset takes the place of the whole's with all that is in it`() {
        let turns = "{simple: ROUND_ROBIN, warmup: {duration: 1m}}"
        let slow = Cluster.LoadBalancing(RoundRobin(slowStart: SlowStart(window: .seconds(60))))
        #expect(Self.balancing(Self.rule(turns), subset: "v1") == slow)
        #expect(Self.balancing(Self.rule(turns, subset: "{simple: RANDOM}"), subset: "v1") == .init(RandomChoice()))
        let own = "{warmup: {duration: 1s}}"
        let least = Cluster.LoadBalancing(LeastRequest(slowStart: SlowStart(window: .seconds(1))))
        #expect(Self.balancing(Self.rule(turns, subset: own), subset: "v1") == least)
        #expect(Self.balancing(Self.rule(turns, subset: own)) == slow)
    }
}
