// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig

extension ResourceGenerator {
    mutating func loadBalancing() -> Cluster.LoadBalancing {
        let key: HashKey = pick([.address, .hostname])
        let factor = chance() ? 100 + UInt32(below(900)) : nil
        switch below(5) {
        case 0: return .init(LeastRequest(choiceCount: 2 + below(99)))
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
        default: return .init(RoundRobin())
        }
    }
}
