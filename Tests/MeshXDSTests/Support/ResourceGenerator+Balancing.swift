// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension ResourceGenerator {
    mutating func loadBalancing() -> Cluster.LoadBalancing {
        let key: HashKey = pick([.address, .hostname])
        let factor = chance() ? 100 + UInt32(below(900)) : nil
        switch below(11) {
        case 0:
            var policy = LeastRequest(
                choiceCount: 2 + below(99),
                selection: pick([.choices, .fullScan]),
                activeRequestBias: pick([1, 0, 2.5]),
                slowStart: slowStart()
            )
            policy.activeRequestBiasKey = pick(["", "balancing.bias"])
            return .init(policy)
        case 1: return .init(RandomChoice())
        case 2:
            return .init(
                RingHash(
                    minimumSize: 1 + UInt64(below(1_024)),
                    maximumSize: pick([1_024, RingHash.greatestSize]),
                    function: pick([.xxHash, .murmurHash2]),
                    key: key,
                    balanceFactor: factor
                )
            )
        case 3: return .init(Maglev(tableSize: pick([2, 65_537, 5_000_011]), key: key, balanceFactor: factor))
        case 4:
            return .init(
                ClientSideWeightedRoundRobin(
                    blackoutPeriod: .milliseconds(UInt64(below(20_000))),
                    weightExpirationPeriod: .milliseconds(UInt64(below(200_000))),
                    weightUpdatePeriod: .milliseconds(100 + UInt64(below(2_000))),
                    errorUtilizationPenalty: pick([1, 0, 2.5]),
                    utilizationMetrics: pick([[], ["named_metrics.queue", "cpu_utilization"]]),
                    slowStart: slowStart(),
                    outOfBandReportingPeriod: chance() ? .milliseconds(100 + UInt64(below(60_000))) : nil
                )
            )
        case 5: return .init(PickFirst(shufflesAddressList: chance()))
        case 6:
            return .init(
                PeakEWMA(
                    decayTime: .milliseconds(1 + UInt64(below(100_000))),
                    defaultLatency: chance() ? .milliseconds(UInt64(below(100))) : nil,
                    failurePenalty: .milliseconds(UInt64(below(10_000)))
                )
            )
        case 7: return .init(Rendezvous(key: key))
        case 8:
            let count = 1 + below(1_000)
            return .init(
                DeterministicAperture(
                    peerIndex: below(count),
                    peerCount: count,
                    minimumAperture: 1 + below(100),
                    offset: pick([0, 0.25, 7])
                )
            )
        case 9:
            let size = 1 + below(1_000)
            return chance()
                ? .init(RandomSubsetting(subsetSize: size, child: LeastRequest()))
                : .init(RandomSubsetting(subsetSize: size, child: Rendezvous(key: key)))
        default: return .init(RoundRobin(slowStart: slowStart()))
        }
    }

    private mutating func slowStart() -> SlowStart? {
        guard chance(30) else { return nil }
        var slowStart = SlowStart(
            window: .milliseconds(1 + UInt64(below(100_000))),
            aggression: pick([1, 0.5, 2]),
            minimumWeightPercent: pick([0, 10, 33.3, 100])
        )
        slowStart.aggressionKey = pick(["", "balancing.aggression"])
        return slowStart
    }

    mutating func assignment(_ name: String) -> EndpointAssignment {
        var number = 0
        return EndpointAssignment(
            name: name,
            localities: (0..<below(4)).map { position in
                LocalityEndpoints(
                    locality: Locality(region: chance() ? "region" : "", zone: "zone \(position)", subZone: ""),
                    priority: UInt32(position / 2),
                    weight: chance() ? 1 + UInt32(below(1000)) : nil,
                    endpoints: list(0...4) { generator in
                        number += 1
                        let address = generator.address(number)
                        return ClusterEndpoint(
                            address,
                            health: generator.pick([.unknown, .healthy, .unhealthy, .draining, .timeout, .degraded]),
                            weight: 1 + UInt32(generator.below(1000)),
                            speaksMutualTLS: generator.chance(),
                            proxy: generator.chance(20) ? generator.address(9) : nil,
                            hashKey: generator.chance(20) ? "key \(generator.below(9))" : "",
                            labels: generator.labels(),
                            healthCheck: generator.endpointHealthCheck(),
                            additionalAddresses: generator.otherAddresses(besides: address, number)
                        )
                    }
                )
            },
            overprovisioningFactor: pick([140, 140, 100, 1]),
            dropOverloads: list(0...2) { generator in
                .init(
                    category: "drop \(generator.below(9))",
                    share: FractionalPercent(numerator: UInt32(generator.below(9)))
                )
            }
        )
    }

    mutating func labels() -> [String: MetadataValue] {
        guard chance(20) else { return [:] }
        return [
            "version": pick(["v1", .number(1), .boolean(true), .null]), "list": .list(["a", .fields(["b": "c"])]),
        ]
    }

    /// How a cluster's endpoints share its traffic, as far as xDS has words for it.
    mutating func structure(_ cluster: inout Cluster) {
        if chance(20) {
            cluster.discovery = .aggregate(list(1...3) { "member \($0.below(9))" })
            cluster.loadBalancing = .init(RoundRobin())
            return
        }
        // The others have no field for it.
        let policy = cluster.loadBalancing.policy
        if policy is RoundRobin || policy is LeastRequest || policy is RandomChoice, chance(30) {
            cluster.localities = .zoneAware(
                ZoneAware(
                    enabledPercent: pick([100, 0, 33]),
                    minimumClusterSize: pick([6, 0, 1]),
                    failsTrafficOnPanic: chance(),
                    forcedLocalZoneSize: pick([nil, 1, 7]),
                    basis: pick([.endpoints, .weights])
                )
            )
        }
        if chance(20) { cluster.overrideHostHeaders = pick([["x-endpoint"], ["x-endpoint", "x-other"]]) }
        guard chance(20) else { return }
        cluster.subsets = SubsetBalancing(
            selectors: [
                .init(keys: ["version"], fallback: pick([.ofCluster, .none, .anyEndpoint, .defaultSubset])),
                .init(keys: ["version", "list"], fallback: .keys(["list"]), hasSingleEndpoint: chance()),
            ],
            fallback: pick([.none, .anyEndpoint, .defaultSubset]),
            defaultSubset: labels(),
            heedsLocalityWeights: chance(),
            scalesLocalityWeights: chance(),
            panicUsesAnyEndpoint: chance(),
            readsListsAsAny: chance(),
            allowsRedundantKeys: chance(),
            readsFallbackLists: chance()
        )
    }
}
