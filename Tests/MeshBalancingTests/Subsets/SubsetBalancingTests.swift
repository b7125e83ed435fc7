// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

/// The endpoints and selectors of Envoy's documentation (`intro/arch_overview/upstream/load_balancing/subsets`).
@Suite("Subsets")
struct SubsetBalancingTests {
    private static let hosts: [[String: MetadataValue]] = [
        ["stage": "prod", "version": "1.0", "type": "std", "xlarge": "true"],
        ["stage": "prod", "version": "1.0", "type": "std"],
        ["stage": "prod", "version": "1.1", "type": "std"],
        ["stage": "prod", "version": "1.1", "type": "std"],
        ["stage": "prod", "version": "1.0", "type": "bigmem"],
        ["stage": "prod", "version": "1.1", "type": "bigmem"],
        ["stage": "dev", "version": "1.2-pre", "type": "std"],
    ]

    private static let documented = SubsetBalancing(
        selectors: [
            .init(keys: ["stage", "type"]), .init(keys: ["stage", "version"]), .init(keys: ["version"]),
            .init(keys: ["xlarge", "version"]),
        ],
        fallback: .defaultSubset,
        defaultSubset: ["stage": "prod", "version": "1.0", "type": "std"]
    )

    private struct Fixture {
        let now = MeshInstant(nanoseconds: 1)
        let endpoints: [EndpointState]
        let pickers: SubsetPickers

        init(
            _ subsets: SubsetBalancing,
            _ hosts: [[String: MetadataValue]] = SubsetBalancingTests.hosts,
            health: [EndpointHealth] = [],
            weights: [UInt32] = [],
            settings: BalancingSettings = BalancingSettings()
        ) {
            let signal = ClusterSignal()
            let endpoints = hosts.enumerated().map { number, labels in
                EndpointState(
                    Endpoint(address: EndpointAddress(host: "e", port: UInt16(number + 1))),
                    health: health.isEmpty ? .healthy : health[number],
                    labels: labels,
                    signal: signal
                )
            }
            self.endpoints = endpoints
            let places =
                weights.isEmpty
                ? [PriorityGroup.Place(endpoints: endpoints)]
                : weights.enumerated().map { number, weight in
                    PriorityGroup.Place(
                        locality: Locality(zone: "\(number)"),
                        weight: weight,
                        endpoints: endpoints.enumerated().filter { $0.offset % weights.count == number }.map(\.element)
                    )
                }
            pickers = SubsetPickers(
                subsets,
                [PriorityGroup(places)],
                policy: RoundRobin(),
                settings: settings,
                signal: signal,
                random: MeshRandom(seed: 4)
            )
        }

        /// The numbers of the endpoints, from 1 as in Envoy's documentation, that requests with these criteria go to.
        func picks(_ criteria: [String: MetadataValue]) -> [Int] { counts(criteria).keys.sorted() }

        func counts(_ criteria: [String: MetadataValue]) -> [Int: Int] {
            let found = pickers.pickers(for: criteria, at: now)
            return (0..<400).reduce(into: [:]) { counts, _ in
                for picker in found {
                    guard let endpoint = picker.pick(for: PickRequest(at: now)) else { continue }
                    counts[Int(endpoint.endpoint.address.port ?? 0), default: 0] += 1
                    break
                }
            }
        }
    }

    @Test(
        arguments: [
            (["stage": "prod", "type": "std"], [1, 2, 3, 4]), (["stage": "prod", "type": "bigmem"], [5, 6]),
            (["stage": "dev", "type": "std"], [7]), (["stage": "prod", "version": "1.0"], [1, 2, 5]),
            (["stage": "prod", "version": "1.1"], [3, 4, 6]), (["stage": "dev", "version": "1.2-pre"], [7]),
            (["version": "1.0"], [1, 2, 5]), (["version": "1.1"], [3, 4, 6]), (["version": "1.2-pre"], [7]),
            (["xlarge": "true", "version": "1.0"], [1]),
            // No selector has these keys, or no endpoint these values: the default subset.
            ([:], [1, 2]), (["stage": "prod"], [1, 2]), (["version": "9"], [1, 2]), (["other": "x"], [1, 2]),
        ] as [([String: MetadataValue], [Int])]
    )
    func `criteria lead to the endpoints of Envoy's documentation`(
        _ criteria: [String: MetadataValue],
        _ expected: [Int]
    ) {
        #expect(Fixture(Self.documented).picks(criteria) == expected)
    }

    @Test func `without a fallback a request that finds nothing fails, and with one it goes anywhere`() {
        var subsets = Self.documented
        subsets.fallback = .none
        #expect(Fixture(subsets).picks(["version": "9"]) == [])
        subsets.fallback = .anyEndpoint
        #expect(Fixture(subsets).picks(["version": "9"]) == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test func `a selector's own fallback comes before the cluster's`() {
        func picks(_ fallback: SubsetBalancing.Selector.Fallback) -> [Int] {
            var subsets = Self.documented
            subsets.selectors[1].fallback = fallback
            return Fixture(subsets).picks(["stage": "dev", "version": "1.1"])
        }
        #expect(picks(.ofCluster) == [1, 2])
        #expect(picks(.none) == [])
        #expect(picks(.anyEndpoint) == [1, 2, 3, 4, 5, 6, 7])
        #expect(picks(.defaultSubset) == [1, 2])
        #expect(picks(.keys(["version"])) == [3, 4, 6])
        // No selector has only this key: from there on the cluster's fallback holds.
        #expect(picks(.keys(["stage"])) == [1, 2])
    }

    @Test func `a default subset without endpoints leaves the request without any, unless panic may use all`() {
        var subsets = Self.documented
        subsets.defaultSubset = ["stage": "none"]
        #expect(Fixture(subsets).picks([:]) == [])
        subsets.panicUsesAnyEndpoint = true
        #expect(Fixture(subsets).picks([:]) == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test func `a subset whose endpoints are not well fails, and falls back on nobody`() {
        var health = Array(repeating: EndpointHealth.healthy, count: 7)
        health[6] = .unhealthy
        let settings = BalancingSettings(panicThreshold: 0)
        #expect(Fixture(Self.documented, health: health, settings: settings).picks(["version": "1.2-pre"]) == [])
        // In panic it has its own.
        #expect(Fixture(Self.documented, health: health).picks(["version": "1.2-pre"]) == [7])
    }

    @Test func `a subset of one endpoint uses it whatever its health`() {
        var subsets = Self.documented
        subsets.selectors[2].hasSingleEndpoint = true
        var health = Array(repeating: EndpointHealth.healthy, count: 7)
        health[2] = .unhealthy
        let settings = BalancingSettings(panicThreshold: 0)
        #expect(Fixture(subsets, health: health, settings: settings).picks(["version": "1.1"]) == [3])
    }

    @Test func `a list of values belongs to each of their subsets if that is wanted`() {
        let hosts: [[String: MetadataValue]] = [["v": .list(["1", "2"])], ["v": "2"]]
        var subsets = SubsetBalancing(selectors: [.init(keys: ["v"])])
        #expect(Fixture(subsets, hosts).picks(["v": "2"]) == [2])
        subsets.readsListsAsAny = true
        #expect(Fixture(subsets, hosts).picks(["v": "2"]) == [1, 2])
        #expect(Fixture(subsets, hosts).picks(["v": "1"]) == [1])
    }

    @Test func `more keys than a selector has are in the way unless they may be`() {
        var subsets = Self.documented
        subsets.fallback = .none
        let criteria: [String: MetadataValue] = ["stage": "prod", "type": "bigmem", "colour": "red"]
        #expect(Fixture(subsets).picks(criteria) == [])
        subsets.allowsRedundantKeys = true
        #expect(Fixture(subsets).picks(criteria) == [5, 6])
    }

    @Test func `a list of further criteria is tried in turn`() {
        var subsets = Self.documented
        subsets.fallback = .none
        subsets.readsFallbackLists = true
        let list = MetadataValue.list([.fields(["version": "9"]), .fields(["version": "1.1"])])
        #expect(Fixture(subsets).picks(["fallback_list": list]) == [3, 4, 6])
        #expect(Fixture(subsets).picks(["stage": "dev", "fallback_list": list]) == [])
        #expect(Fixture(subsets).picks(["version": "1.0", "fallback_list": .list([])]) == [1, 2, 5])
    }

    @Test func `weights of localities count in subsets if that is wanted, and shrink with them`() {
        let hosts: [[String: MetadataValue]] = (0..<8).map { ["v": $0 % 2 == 0 || $0 == 1 ? "1" : "2"] }
        var subsets = SubsetBalancing(selectors: [.init(keys: ["v"])])
        func share(_ subsets: SubsetBalancing) -> Int {
            // The first locality has 4 endpoints of version 1, the second one of four.
            let counts = Fixture(subsets, hosts, weights: [10, 10]).counts(["v": "1"])
            return (counts[2] ?? 0) * 100 / 400
        }
        #expect(share(subsets) == 20)
        subsets.heedsLocalityWeights = true
        #expect((43...57).contains(share(subsets)))
        subsets.scalesLocalityWeights = true
        // 10 and 3, which is a quarter of 10 rounded.
        #expect((17...29).contains(share(subsets)))
    }

    @Test func `bounds are Envoy's`() {
        func problems(_ selector: SubsetBalancing.Selector) -> [String] {
            do {
                try SubsetBalancing(selectors: [selector]).validate()
                return []
            } catch { return error.problems.map(\.path) }
        }
        #expect(problems(.init(keys: [])) == ["selectors[0].keys"])
        for keys in [[], ["a", "b"], ["c"]] as [Set<String>] {
            #expect(problems(.init(keys: ["a", "b"], fallback: .keys(keys))) == ["selectors[0].fallback"])
        }
        #expect(problems(.init(keys: ["a", "b"], fallback: .keys(["a"]))).isEmpty)
    }
}
