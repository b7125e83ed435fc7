// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension ResourceGenerator {
    mutating func loadBalancing() -> Cluster.LoadBalancing {
        let key: HashKey = pick([.address, .hostname])
        let factor = chance() ? 100 + UInt32(below(900)) : nil
        switch below(5) {
        case 0:
            return .init(
                LeastRequest(
                    choiceCount: 2 + below(99),
                    selection: pick([.choices, .fullScan]),
                    activeRequestBias: pick([1, 0, 2.5]),
                    slowStart: slowStart()
                )
            )
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
        default: return .init(RoundRobin(slowStart: slowStart()))
        }
    }

    private mutating func slowStart() -> SlowStart? {
        chance(70)
            ? nil
            : SlowStart(
                window: .milliseconds(1 + UInt64(below(100_000))),
                aggression: pick([1, 0.5, 2]),
                minimumWeightPercent: pick([0, 10, 33.3, 100])
            )
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
                        return ClusterEndpoint(
                            generator.address(number),
                            health: generator.pick([.unknown, .healthy, .unhealthy, .draining, .timeout, .degraded]),
                            weight: 1 + UInt32(generator.below(1000)),
                            speaksMutualTLS: generator.chance(),
                            proxy: generator.chance(20) ? generator.address(9) : nil,
                            hashKey: generator.chance(20) ? "key \(generator.below(9))" : ""
                        )
                    }
                )
            },
            overprovisioningFactor: pick([140, 140, 100, 1])
        )
    }
}
