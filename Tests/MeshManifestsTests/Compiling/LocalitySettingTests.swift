// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshManifests
import Testing

/// From manifests to what clients of two places get. Which place comes when is `LocalityViewpointTests`' matter.
@Suite("A DestinationRule's localities")
struct LocalitySettingTests {
    private static let outliers = "outlierDetection: {consecutive5xxErrors: 1}"

    /// Three instances of reviews: one in the first zone of `eu`, one in its second zone, one in `us`.
    private static let workloads = zip(["eu/a", "eu/b", "us/a"], [1003, 1004, 1005] as [UInt16]).map { place, port in
        var workload = Bookinfo.workload("reviews", "v\(port - 1002)", port: port)
        workload.locality = Locality(path: place)
        return workload
    }

    private static func rule(_ policy: String, subset: String = "") -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          trafficPolicy: {\(policy)}
          subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {\(subset)}}]

        """
    }

    /// What a client gets, as `priority place weight`.
    private static func told(_ text: String, at place: String, subset: String = "") -> [String] {
        let node = Node(labels: [:], locality: Locality(path: place))
        let resources = Compilation(text, workloads: workloads, for: node).resources
        let assignment = resources.endpointAssignments[Bookinfo.cluster("reviews", subset)]
        return (assignment?.localities ?? []).map { group in
            "\(group.priority) \(group.locality) \(group.weight.map(String.init) ?? "-")"
        }
    }

    @Test
    func `are heeded where endpoints are ejected, as Istio's mesh has it by default`() {
        let rule = Self.rule(Self.outliers)
        #expect(Self.told(rule, at: "eu/b") == ["0 eu/b -", "1 eu/a -", "2 us/a -"])
        #expect(Self.told(rule, at: "us/a") == ["0 us/a -", "1 eu/a -", "1 eu/b -"])
        #expect(Self.told(rule, at: "us/z") == ["0 us/a -", "1 eu/a -", "1 eu/b -"])
        let nobodyEjects = ["0 eu/a -", "0 eu/b -", "0 us/a -"]
        #expect(Self.told("", at: "eu/b") == nobodyEjects)
        #expect(Self.told(Self.rule("tls: {mode: DISABLE}"), at: "eu/b") == nobodyEjects)
        let off = "loadBalancer: {localityLbSetting: {enabled: false}}, " + Self.outliers
        #expect(Self.told(Self.rule(off), at: "eu/b") == nobodyEjects)
    }

    @Test
    func `share requests out by the client's place`() {
        let rule = Self.rule(
            """
            loadBalancer: {localityLbSetting: {distribute: [
                {from: eu/a/*, to: {"eu/a/*": 80, "eu/b/*": 20}}, {from: us/*, to: {us: 70, "eu/*": 30}}]}}
            """
        )
        #expect(Self.told(rule, at: "eu/a/1") == ["0 eu/a 80", "0 eu/b 20"])
        #expect(Self.told(rule, at: "us/b") == ["0 eu/a 15", "0 eu/b 15", "0 us/a 70"])
        #expect(Self.told(rule, at: "eu/b") == ["0 eu/a 1", "0 eu/b 1", "0 us/a 1"])
        let compilation = Compilation(rule, workloads: Self.workloads)
        #expect(compilation.places == [])
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test
    func `fail over to the region that is named, and by labels`() {
        let regions = "loadBalancer: {localityLbSetting: {failover: [{from: asia, to: us}]}}, " + Self.outliers
        #expect(Self.told(Self.rule(regions), at: "asia/a") == ["0 us/a 1", "1 eu/a 1", "1 eu/b 1"])
        let priority = "failoverPriority: [version=v2, app=reviews]"
        let labels = "loadBalancer: {localityLbSetting: {\(priority)}}, " + Self.outliers
        #expect(Self.told(Self.rule(labels), at: "us/a") == ["0 eu/b 1", "1 eu/a 1", "1 us/a 1"])
    }

    @Test
    func `of a subset are its own, with the rest of its load balancer`() {
        let whole = "loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: false}}, " + Self.outliers
        #expect(Self.told(Self.rule(whole), at: "us/a", subset: "v1") == ["0 eu/a -"])
        let shares = "loadBalancer: {localityLbSetting: {distribute: [{from: us, to: {eu: 100}}]}}"
        let rule = Self.rule(whole, subset: shares)
        #expect(Self.told(rule, at: "us/a", subset: "v1") == ["0 eu/a 100"])
        #expect(Self.told(rule, at: "us/a") == ["0 eu/a -", "0 eu/b -", "0 us/a -"])
    }

    @Test
    func `are balanced by Envoy's zones where that is wanted, in the own region`() {
        let rule = Self.rule("loadBalancer: {zoneAwareLbSetting: {minClusterSize: 2}}")
        #expect(Self.told(rule, at: "eu/a") == ["0 eu/a -", "0 eu/b -", "1 us/a -"])
        let cluster = Compilation(rule, workloads: Self.workloads).resources.clusters[Bookinfo.cluster("reviews")]
        #expect(cluster?.localities == .zoneAware(ZoneAware(minimumClusterSize: 2)))
        let off = Self.rule("loadBalancer: {zoneAwareLbSetting: {enabled: false}}, " + Self.outliers)
        #expect(Self.told(off, at: "eu/a") == ["0 eu/a -", "0 eu/b -", "0 us/a -"])
        let resources = Compilation(off, workloads: Self.workloads).resources
        #expect(resources.clusters[Bookinfo.cluster("reviews")]?.localities == .weighted)
    }

    @Test
    func `are those of a ServiceEntry's endpoints, too, with their weights`() {
        let text = """
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: api}
            spec:
              hosts: [api.example.com]
              ports: [{number: 80, name: http, protocol: HTTP}]
              resolution: STATIC
              endpoints:
              - {address: 192.0.2.1, locality: eu/a, weight: 3}
              - {address: 192.0.2.2, locality: us/a, weight: 5}
            ---
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: api}
            spec:
              host: api.example.com
              trafficPolicy:
                \(Self.outliers)
                loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/region]}}
            """
        let node = Node(labels: [:], locality: Locality(region: "us"))
        let cluster = Compilation(text, for: node).resources.clusters["outbound|80||api.example.com"]
        guard case .fixed(let assignment) = cluster?.discovery else {
            Issue.record("the endpoints are not in the cluster")
            return
        }
        #expect(assignment.localities.map(\.locality.region) == ["us", "eu"])
        #expect(assignment.localities.map(\.priority) == [0, 1])
        #expect(assignment.localities.map(\.weight) == [5, 3])
        #expect(assignment.localities.flatMap(\.endpoints).map(\.weight) == [5, 3])
    }

    @Test
    func `are known of clients by what they say, by their label, or by where they are registered`() {
        let rule = Self.rule(Self.outliers)
        let first = { (node: Node, workloads: [Workload]) in
            let resources = Compilation(rule, workloads: workloads, for: node).resources
            let assignment = resources.endpointAssignments[Bookinfo.cluster("reviews")]
            return assignment?.localities.filter { $0.priority == 0 }.map(\.locality.description) ?? []
        }
        var page = Bookinfo.workloads[0]
        page.locality = Locality(path: "us/a")
        let world = Self.workloads + [page]
        #expect(first(Bookinfo.node("productpage"), world) == ["us/a"])
        var labelled = Node(labels: ["istio-locality": "eu.b"], inboundAddresses: [page.address])
        #expect(first(labelled, world) == ["eu/b"])
        labelled.locality = Locality(path: "eu/a")
        #expect(first(labelled, world) == ["eu/a"])
        // A workload's label counts where it says nothing itself.
        page.locality = Locality()
        page.labels["istio-locality"] = "eu/b"
        #expect(first(Node(inboundAddresses: [page.address]), Self.workloads + [page]) == ["eu/b"])
    }

    @Test(
        arguments: [
            Mistake("places that share and fail over", "{distribute: [], failover: []}", "9:43 MM0214"),
            Mistake("no origin", "{distribute: [{to: {a: 100}}]}", "9:40 MM0201"),
            Mistake("no destinations", "{distribute: [{from: a}]}", "9:40 MM0201"),
            Mistake("shares that are no whole", "{distribute: [{from: a, to: {a: 60, b: 30}}]}", "9:50 MM0206"),
            Mistake("nothing for a place", "{distribute: [{from: a, to: {a: 0, b: 100}}]}", "9:58 MM0206"),
            Mistake("a star in between", "{distribute: [{from: \"*/a\", to: {a: 100}}]}", "9:47 MM0206"),
            Mistake("no place", "{distribute: [{from: a, to: {a//b: 100}}]}", "9:55 MM0206"),
            Mistake("one place twice", "{distribute: [{from: a, to: {a: 50, a/b: 50}}]}", "9:62 MM0214"),
            Mistake(
                "two rules for a place",
                "{distribute: [{from: \"*\", to: {a: 100}}, {from: a, to: {a: 100}}]}",
                "9:74 MM0214"
            ),
            Mistake("a zone to fail over to", "{failover: [{from: a, to: b/c}]}", "9:52 MM0206"),
            Mistake("the same region", "{failover: [{from: a, to: a}]}", "9:52 MM0206"),
            Mistake("a label that is none", "{failoverPriority: [a=b=c]}", "9:46 MM0206"),
            Mistake(
                "regions said twice",
                "{failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]}",
                "9:76 MM0214"
            ),
            Mistake("a mistyped field", "{enable: true}", "9:27 MM0204"),
        ]
    )
    func `are checked as Istio's admission does`(mistake: Mistake) {
        let text = Self.manifest("localityLbSetting: " + mistake.text)
        #expect(ManifestReading.of(text).places == mistake.expected)
    }

    /// A setting that begins in line 9, column 7.
    private static func manifest(_ setting: String, outliers: String = "{}") -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          trafficPolicy:
            outlierDetection: \(outliers)
            loadBalancer:
              \(setting)
        """
    }

    @Test
    func `that nobody would fail over by are reported, as is what is said in vain or twice`() {
        let places = { ManifestReading.of(Self.manifest($0, outliers: $1)).places }
        let failover = "{failover: [{from: a, to: b}]}"
        #expect(places("localityLbSetting: " + failover, "{}") == [])
        #expect(places("localityLbSetting: " + failover, "") == ["9:27 MM0212"])
        #expect(places("zoneAwareLbSetting: " + failover, "") == ["9:28 MM0212"])
        let both = "{distribute: [{from: a, to: {b: 100}}], failoverPriority: [a]}"
        #expect(places("localityLbSetting: " + both, "{}") == ["9:66 MM0212"])
        #expect(places("zoneAwareLbSetting: {}\n      localityLbSetting: {}", "{}") == ["9:7 MM0214"])
        let topology = "zoneAwareLbSetting: {failoverPriority: [topology.istio.io/subzone]}"
        #expect(places(topology, "{}") == ["9:47 MM0214"])
    }
}
