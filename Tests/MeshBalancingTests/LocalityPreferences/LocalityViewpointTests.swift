// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

/// The tables are those of Istio's documentation (Locality Load Balancing; `LocalityLoadBalancerSetting`), and what its
/// own tests of `ApplyLocalityLoadBalancer` want.
@Suite("A client's view of the places of endpoints")
struct LocalityViewpointTests {
    private typealias Preference = LocalityPreference

    private static let client = LocalityViewpoint(Locality(path: "region1/zone1/subzone1"))
    private static let places = [
        "region1/zone1/subzone1", "region1/zone1/subzone1", "region1/zone1/subzone2", "region1/zone1/subzone3",
        "region1/zone2", "region2", "region3",
    ]

    private static func endpoints(_ places: [String] = places) -> [PlacedEndpoint] {
        places.map { PlacedEndpoint(Locality(path: $0)) }
    }

    /// Each place as `priority place weight`.
    private static func told(_ places: [EndpointPlace]) -> [String] {
        places.map { "\($0.priority) \($0.locality) \($0.weight.map(String.init) ?? "-")" }
    }

    private static func distribution(_ from: String, _ shares: [(String, UInt32)]) throws -> Preference.Distribution {
        Preference.Distribution(
            from: try #require(LocalityPattern(from)),
            shares: try shares.map { Preference.Share(try #require(LocalityPattern($0.0)), percent: $0.1) }
        )
    }

    @Test("has the nearest place first: subzone, zone, region, the rest", arguments: [true, false])
    func nearest(failsOver: Bool) {
        let places = Self.client.places(of: Self.endpoints(), by: .standard, failsOver: failsOver)
        let order = [
            "region1/zone1/subzone1", "region1/zone1/subzone2", "region1/zone1/subzone3", "region1/zone2", "region2",
            "region3",
        ]
        let priorities = failsOver ? [0, 1, 1, 2, 3, 3] : [0, 0, 0, 0, 0, 0]
        #expect(Self.told(places) == zip(priorities, order).map { "\($0) \($1) -" })
        #expect(places.first?.members == [0, 1])
    }

    @Test("has the region that is named before the others, and leaves no priority out")
    func regions() {
        let failover = Preference.Failover(regions: [.init(from: "region1", to: "region2")])
        let all = Self.client.places(of: Self.endpoints(), by: .nearest(failover), failsOver: true)
        #expect(
            Self.told(all) == [
                "0 region1/zone1/subzone1 2", "1 region1/zone1/subzone2 1", "1 region1/zone1/subzone3 1",
                "2 region1/zone2 1", "3 region2 1", "4 region3 1",
            ]
        )
        let few = Self.endpoints(["region2/a", "region1/zone1/subzone2", ""])
        #expect(
            Self.told(Self.client.places(of: few, by: .nearest(failover), failsOver: true)) == [
                "0 region1/zone1/subzone2 1", "1 region2/a 1", "2  1",
            ]
        )
    }

    @Test("knows what is nowhere as the nearest to a client that is nowhere")
    func unknown() {
        let nowhere = LocalityViewpoint(Locality())
        let places = nowhere.places(of: Self.endpoints(["region2", "", "region1"]), by: .standard, failsOver: true)
        #expect(Self.told(places) == ["0  -", "1 region1 -", "1 region2 -"])
    }

    @Test("prefers nothing where that is switched off")
    func none() {
        let places = Self.client.places(of: Self.endpoints(["region2", "region1"]), by: .none, failsOver: true)
        #expect(Self.told(places) == ["0 region1 -", "0 region2 -"])
    }

    /// The example of Istio's documentation, and its wildcards.
    @Test("shares requests out by the first rule for its place")
    func shares() throws {
        let rules = [
            try Self.distribution("region9/*", [("*", 100)]),
            try Self.distribution(
                "region1/zone1/*",
                [("region1/zone1/subzone1", 80), ("region1/zone1/subzone2", 15), ("region1/zone1/subzone3", 5)]
            ),
            try Self.distribution("*", [("region3", 100)]),
        ]
        let places = Self.client.places(of: Self.endpoints(), by: .shared(rules), failsOver: false)
        #expect(
            Self.told(places) == [
                "0 region1/zone1/subzone1 80", "0 region1/zone1/subzone2 15", "0 region1/zone1/subzone3 5",
            ]
        )
        let other = LocalityViewpoint(Locality(region: "region5"))
        let rest = other.places(of: Self.endpoints(), by: .shared(rules), failsOver: true)
        #expect(Self.told(rest) == ["0 region3 100"])
    }

    @Test("divides a share for several places by what they have, and weighs all where no rule is for it")
    func dividedShares() throws {
        let rules = [try Self.distribution("region1/*", [("region1/zone1/*", 70), ("region2/*", 30)])]
        let places = Self.client.places(of: Self.endpoints(), by: .shared(rules), failsOver: true)
        // 70 × 2/4, 70 × 1/4 = 17.5 and again: nothing is rounded down.
        #expect(
            Self.told(places) == [
                "0 region1/zone1/subzone1 35", "0 region1/zone1/subzone2 18", "0 region1/zone1/subzone3 18",
                "0 region2 30",
            ]
        )
        let stranger = LocalityViewpoint(Locality(region: "region2"))
        let all = stranger.places(
            of: [PlacedEndpoint(Locality(region: "a"), weight: 7), PlacedEndpoint(Locality(region: "b"), weight: 2)],
            by: .shared(rules),
            failsOver: true
        )
        #expect(Self.told(all) == ["0 a 7", "0 b 2"])
    }

    private static let network = Locality.networkLabel
    private static let cluster = "topology.istio.io/cluster"

    /// One place, its endpoints by their labels; the priority that each has.
    @Test(
        "ranks endpoints by how many labels agree, from the first on",
        arguments: [
            ([network, cluster], ["other", "none"], [0, 0, 0, 0, 0, 0]),
            ([network, cluster], ["1", "a"], [1, 0, 3, 2, 3, 3]),
            ([cluster, network], ["a", "1"], [2, 0, 2, 1, 2, 2]),
        ] as [([String], [String], [UInt32])]
    )
    func labels(names: [String], own: [String], expected: [UInt32]) {
        // Endpoints as (network, cluster).
        let world = [("1", "b"), ("1", "a"), ("2", "b"), ("2", "a"), ("2", ""), ("", "c")]
        let endpoints = world.map { network, cluster in
            PlacedEndpoint(Locality(region: "r"), labels: [Self.network: network, Self.cluster: cluster])
        }
        let client = LocalityViewpoint(Locality(), labels: Dictionary(uniqueKeysWithValues: zip(names, own)))
        let failover = Preference.Failover(labels: names.map { .init($0) })
        let places = client.places(of: endpoints, by: .nearest(failover), failsOver: true)
        var priorities = [UInt32](repeating: .max, count: world.count)
        for place in places {
            for member in place.members { priorities[member] = place.priority }
        }
        #expect(priorities == expected)
        #expect(places.allSatisfy { $0.weight == UInt32($0.members.count) })
    }

    /// `failoverPriority: ["version=v1", "topology.istio.io/cluster=clusterA"]` of Istio's reference.
    @Test("takes a label's value from the setting where it is there")
    func values() {
        let labels = [Preference.Label("version", value: "v1"), .init(Self.cluster, value: "clusterA")]
        let failover = Preference.Failover(labels: labels)
        let endpoints = [("v1", "clusterA"), ("v1", "clusterB"), ("v2", "clusterA")].map { version, cluster in
            PlacedEndpoint(Locality(), labels: ["version": version, Self.cluster: cluster])
        }
        let client = LocalityViewpoint(Locality(), labels: ["version": "v2"])
        let places = client.places(of: endpoints, by: .nearest(failover), failsOver: true)
        #expect(places.map(\.members) == [[0], [1], [2]])
        #expect(places.map(\.priority) == [0, 1, 2])
        // Nothing is known of this one, and Istio leaves it alone.
        let stranger = LocalityViewpoint(Locality())
        #expect(stranger.places(of: endpoints, by: .nearest(failover), failsOver: true).map(\.members) == [[0, 1, 2]])
    }

    /// The levels of Istio's reference: network, region, zone, subzone.
    @Test("knows places by Kubernetes' and Istio's labels, and regions within the labels' ranks")
    func topology() {
        let names = [
            Self.network, "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone",
        ]
        let failover = Preference.Failover(labels: names.map { .init($0) })
        var client = Self.client
        client.labels = [Self.network: "n"]
        let endpoints = Self.endpoints().map { endpoint in
            var endpoint = endpoint
            endpoint.labels[Self.network] = "n"
            return endpoint
        }
        let places = client.places(of: endpoints, by: .nearest(failover), failsOver: true)
        #expect(
            Self.told(places) == [
                "0 region1/zone1/subzone1 2", "1 region1/zone1/subzone2 1", "1 region1/zone1/subzone3 1",
                "2 region1/zone2 1", "3 region2 1", "3 region3 1",
            ]
        )
        let both = Preference.Failover(
            labels: [.init("version", value: "v1")],
            regions: [.init(from: "region1", to: "region3")]
        )
        let mixed = [("region1", "v2"), ("region2", "v1"), ("region3", "v1")].map { place, version in
            PlacedEndpoint(Locality(region: place), labels: ["version": version])
        }
        #expect(
            Self.told(client.places(of: mixed, by: .nearest(both), failsOver: true)) == [
                "0 region3 1", "1 region2 1", "2 region1 1",
            ]
        )
    }

    @Test("leaves zones to whoever balances by them, and puts other regions behind the own one, outliers or not")
    func zoneAware() {
        let plain = Self.client.places(of: Self.endpoints(), by: .zoneAware(ZoneAware(), .init()), failsOver: false)
        #expect(plain.map(\.priority) == [0, 0, 0, 0, 1, 1])
        let failover = Preference.Failover(regions: [.init(from: "region1", to: "region3")])
        let ordered = Self.client.places(of: Self.endpoints(), by: .zoneAware(ZoneAware(), failover), failsOver: false)
        #expect(
            Self.told(ordered) == [
                "0 region1/zone1/subzone1 -", "0 region1/zone1/subzone2 -", "0 region1/zone1/subzone3 -",
                "0 region1/zone2 -", "1 region3 -", "2 region2 -",
            ]
        )
    }

    @Test("divides whatever endpoints there are, each one into one place, without a gap")
    func anything() {
        let random = MeshRandom(seed: 7)
        let names = ["", "a", "b"]
        let name = { names[Int(random.below(3))] }
        for _ in 0..<2_000 {
            let endpoints = (0..<random.below(12)).map { _ in
                PlacedEndpoint(
                    Locality(region: name(), zone: name(), subZone: name()),
                    labels: ["x": name(), "y": name()],
                    weight: UInt32(1 + random.below(9))
                )
            }
            let own = Locality(region: name(), zone: name(), subZone: name())
            let client = LocalityViewpoint(own, labels: ["x": name()])
            let failover = Preference.Failover(
                labels: random.below(2) == 0 ? [] : [.init("x"), .init("y", value: name())],
                regions: random.below(2) == 0 ? [] : [.init(from: name(), to: name())]
            )
            let preference =
                random.below(2) == 0 ? Preference.nearest(failover) : .zoneAware(ZoneAware(), failover)
            let places = client.places(of: endpoints, by: preference, failsOver: true)
            #expect(places.flatMap(\.members).sorted() == Array(endpoints.indices))
            #expect(Set(places.map(\.priority)).sorted() == Array(0..<UInt32(Set(places.map(\.priority)).count)))
            #expect(Set(places.map { "\($0.priority) \($0.locality)" }).count == places.count)
        }
    }

    @Test(
        "reads patterns of places",
        arguments: [
            ("*", "", true), ("*", "a/b/c", true), ("a/*", "a/b/c", true), ("a", "a/b", true), ("a/*", "b", false),
            ("a/b/*", "a/b", true), ("a/b/*", "a/c", false), ("a/b/c", "a/b/c", true), ("a/b/c", "a/b", false),
        ]
    )
    func patterns(pattern: String, place: String, matches: Bool) {
        #expect(LocalityPattern(pattern)?.matches(Locality(path: place)) == matches)
    }

    @Test("refuses what is no pattern", arguments: ["", "a//b", "*/a", "a*", "a/b/c/d", "a/*/c", "/", "a/**"])
    func badPatterns(text: String) {
        #expect(LocalityPattern(text) == nil)
    }

    @Test("sees which patterns mean the same places")
    func overlaps() throws {
        let pattern = { try #require(LocalityPattern($0)) }
        #expect(try pattern("*").overlaps(pattern("a/b")))
        #expect(try pattern("a/*").overlaps(pattern("a/b/c")))
        #expect(try !pattern("a/b").overlaps(pattern("a/c")))
        #expect(try pattern("a/b").description == "a/b/*")
    }
}
