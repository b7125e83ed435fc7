// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import Testing

@Suite("Clusters and endpoints")
struct ClusterCompilerTests {
    private static func rule(_ spec: String, name: String = "reviews", namespace: String = "default") -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: \(name), namespace: \(namespace)}
        spec:
        \(spec)
        ---

        """
    }

    private let identities = [
        "spiffe://mesh.test/ns/default/sa/reviews", "spiffe://mesh.test/ns/default/sa/reviews-v3",
    ]

    @Test("a service without manifests is balanced by requests under way, over mutual TLS where its endpoints speak it")
    func withoutManifests() {
        let compilation = Compilation([])
        let name = Bookinfo.cluster("reviews")
        #expect(
            compilation.resources.clusters[name]
                == Cluster(
                    name: name,
                    loadBalancing: .init(LeastRequest()),
                    panicThreshold: 0,
                    upstreamSecurity: .automatic(acceptedIdentities: identities)
                )
        )
        let endpoints = [1003, 1004, 1005].map { port in
            ClusterEndpoint(EndpointAddress(host: "127.0.0.1", port: port), speaksMutualTLS: true)
        }
        #expect(
            compilation.resources.endpointAssignments[name]
                == EndpointAssignment(name: name, localities: [LocalityEndpoints(endpoints: endpoints)])
        )
    }

    @Test("a DestinationRule sets everything that a cluster has, and a subset inherits what it does not say")
    func everything() {
        let text = Self.rule(
            """
              host: reviews
              trafficPolicy:
                loadBalancer: {simple: LEAST_REQUEST, warmup: {duration: 30s, minimumPercent: 5, aggression: 2}}
                connectionPool:
                  tcp: {maxConnections: 1, connectTimeout: 250ms}
                  http: {http1MaxPendingRequests: 2, http2MaxRequests: 3}
                outlierDetection: {consecutive5xxErrors: 7, interval: 1s, baseEjectionTime: 10m, maxEjectionPercent: 50,
                  consecutiveGatewayErrors: 2, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 3}
                tls: {mode: ISTIO_MUTUAL}
              subsets:
              - name: v1
                labels: {version: v1}
              - name: v2
                labels: {version: v2}
                trafficPolicy:
                  loadBalancer: {simple: ROUND_ROBIN}
                  outlierDetection: {consecutive5xxErrors: 0}
                  tls: {mode: DISABLE}
            """
        )
        let resources = Compilation(text).resources
        var whole = Cluster(name: Bookinfo.cluster("reviews"), panicThreshold: 0)
        whole.connectTimeout = .milliseconds(250)
        let warmup = SlowStart(window: .seconds(30), aggression: 2, minimumWeightPercent: 5)
        whole.loadBalancing = Cluster.LoadBalancing(LeastRequest(slowStart: warmup))
        whole.outlierDetection = OutlierDetection(
            consecutiveFailures: 7,
            consecutiveGatewayFailures: 2,
            splitsLocalOriginFailures: true,
            consecutiveLocalOriginFailures: 3,
            successRate: nil,
            failurePercentage: nil,
            interval: .seconds(1),
            baseEjectionTime: .seconds(600),
            maximumEjectionTime: .seconds(600),
            maximumEjectionPercent: 50
        )
        whole.concurrencyLimit = ConcurrencyLimitConfiguration(
            maximumRequests: 3,
            maximumPendingRequests: 2,
            maximumConnections: 1
        )
        whole.upstreamSecurity = .mutualTLS(acceptedIdentities: identities)
        #expect(resources.clusters[whole.name] == whole)
        var first = whole
        first.name = Bookinfo.cluster("reviews", "v1")
        #expect(resources.clusters[first.name] == first)
        var second = whole
        second.name = Bookinfo.cluster("reviews", "v2")
        second.loadBalancing = Cluster.LoadBalancing(RoundRobin())
        second.outlierDetection = OutlierDetection(
            consecutiveFailures: nil,
            consecutiveGatewayFailures: nil,
            successRate: nil,
            failurePercentage: nil
        )
        second.upstreamSecurity = .plaintext
        #expect(resources.clusters[second.name] == second)
    }

    @Test("what is said for a port replaces what is said for all of them")
    func ports() {
        let text = Self.rule(
            """
              host: reviews
              trafficPolicy:
                loadBalancer: {simple: RANDOM}
                tls: {mode: DISABLE}
                portLevelSettings: [{port: {number: 9080}, tls: {mode: ISTIO_MUTUAL, subjectAltNames: [b, a]}}]
            """
        )
        let cluster = Compilation(text).resources.clusters[Bookinfo.cluster("reviews")]
        #expect(cluster?.upstreamSecurity == .mutualTLS(acceptedIdentities: ["a", "b"]))
        #expect(cluster?.loadBalancing == Cluster.LoadBalancing(LeastRequest()))
    }

    @Test("a policy of the client's namespace comes before the service's, and that before the root namespace's")
    func namespaces() {
        let security = { (texts: [String], namespace: String) -> Cluster.UpstreamSecurity? in
            let text = texts.joined()
            let node = Node(namespace: namespace, labels: [:])
            return Compilation(text, for: node).resources.clusters[Bookinfo.cluster("reviews")]?.upstreamSecurity
        }
        let policy = { (namespace: String, identity: String) in
            Self.rule(
                "  host: reviews.default.svc.cluster.local\n"
                    + "  trafficPolicy: {tls: {mode: ISTIO_MUTUAL, subjectAltNames: [\(identity)]}}",
                namespace: namespace
            )
        }
        let all = [policy("shop", "shop"), policy("default", "default"), policy("istio-system", "root")]
        #expect(security(all, "shop") == .mutualTLS(acceptedIdentities: ["shop"]))
        #expect(security(all, "other") == .mutualTLS(acceptedIdentities: ["default"]))
        #expect(security([all[2]], "other") == .mutualTLS(acceptedIdentities: ["root"]))
        #expect(security([all[0]], "other") == .automatic(acceptedIdentities: identities))
    }

    @Test("a policy for one host comes before a pattern, one for certain clients before one for all")
    func specificity() {
        let policy = { (name: String, host: String, extra: String) in
            Self.rule(
                "  host: \"\(host)\"\n  trafficPolicy: {tls: {mode: ISTIO_MUTUAL, subjectAltNames: [\(name)]}}\n\(extra)",
                name: name
            )
        }
        let text =
            policy("any", "*.default.svc.cluster.local", "") + policy("own", "reviews", "")
            + policy("page", "reviews", "  workloadSelector: {matchLabels: {app: productpage}}")
        let security = { (node: Node, service: String) in
            Compilation(text, for: node).resources.clusters[Bookinfo.cluster(service)]?.upstreamSecurity
        }
        #expect(security(Bookinfo.node("productpage"), "reviews") == .mutualTLS(acceptedIdentities: ["page"]))
        #expect(security(Bookinfo.node("details"), "reviews") == .mutualTLS(acceptedIdentities: ["own"]))
        #expect(security(Bookinfo.node("productpage"), "ratings") == .mutualTLS(acceptedIdentities: ["any"]))
        #expect(Compilation(text).places.isEmpty)
    }

    @Test("several policies of one host give their subsets together, the first its traffic policy")
    func merging() {
        let text =
            Self.rule("  host: reviews\n  subsets: [{name: v1, labels: {version: v1}}]", name: "a")
            + Self.rule(
                "  host: reviews\n  trafficPolicy: {tls: {mode: DISABLE}}\n  subsets: [{name: v2, labels: {version: v2}}]",
                name: "b"
            )
            + Self.rule(
                "  host: reviews\n  trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}\n"
                    + "  subsets: [{name: v1, labels: {version: v3}}]",
                name: "c"
            )
        let compilation = Compilation(text)
        #expect(compilation.ports(Bookinfo.cluster("reviews", "v1")) == [1003])
        #expect(compilation.ports(Bookinfo.cluster("reviews", "v2")) == [1004])
        #expect(compilation.resources.clusters[Bookinfo.cluster("reviews")]?.upstreamSecurity == .plaintext)
        #expect(compilation.places == ["16:1 MM0305", "22:20 MM0305"])
    }

    @Test("a subset that no workload is part of has a cluster without endpoints")
    func emptySubset() {
        let text = Self.rule("  host: reviews\n  subsets: [{name: v9, labels: {version: v9}}]")
        let compilation = Compilation(text)
        #expect(compilation.ports(Bookinfo.cluster("reviews", "v9")) == [])
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test("a policy of the first API gives way to a DestinationRule, which is reported")
    func legacy() {
        let text =
            Self.rule("  host: reviews") + """
                apiVersion: config.istio.io/v1alpha2
                kind: DestinationPolicy
                metadata: {name: old}
                spec: {destination: {name: reviews}, loadBalancing: {name: RANDOM}}
                """
        let compilation = Compilation(text)
        let cluster = compilation.resources.clusters[Bookinfo.cluster("reviews")]
        #expect(cluster?.loadBalancing == Cluster.LoadBalancing(LeastRequest()))
        #expect(compilation.places == ["7:1 MM0305"])
    }
}
