// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A table of endpoints by the remainder of a hash, which each endpoint fills along an order of its own.
struct MaglevTable: HashTable {
    /// The endpoint of each remainder.
    let owners: [UInt32]
    private let size: UInt64
    /// 2^64 by the size: a multiplication by it is many times faster than a division.
    private let reciprocal: UInt64

    /// Where an endpoint goes on filling the table.
    private struct Walker {
        let endpoint: UInt32
        var next: Int
        let skip: Int
        let weight: Double
        var target = 0.0
    }

    /// Makes a table.
    ///
    /// Endpoints take turns in the order of their keys; one that weighs a third of the heaviest has a turn in every third
    /// round. Each takes the next place of its order that is free.
    /// - Parameter size: A prime number.
    init(keys: [String], _ weights: NormalizedWeights, size: Int) {
        self.size = UInt64(size)
        reciprocal = UInt64.max / UInt64(size)
        guard !keys.isEmpty, weights.greatest > 0 else {
            owners = []
            return
        }
        let order = keys.indices.sorted { first, second in
            // By bytes, as C++ compares texts, and not as Swift does.
            keys[first] == keys[second] ? first < second : keys[first].utf8.lexicographicallyPrecedes(keys[second].utf8)
        }
        var walkers = order.map { position in
            Walker(
                endpoint: UInt32(truncatingIfNeeded: position),
                next: Int(XXH64.hash(keys[position]) % UInt64(size)),
                skip: Int(XXH64.hash(keys[position], seed: 1) % UInt64(size - 1)) + 1,
                weight: weights.shares[position]
            )
        }
        let free = UInt32.max
        var owners = [UInt32](repeating: free, count: size)
        owners.withUnsafeMutableBufferPointer { owners in
            walkers.withUnsafeMutableBufferPointer { walkers in
                var (filled, round) = (0, 1.0)
                while filled < size {
                    for position in walkers.indices where filled < size {
                        if round * walkers[position].weight < walkers[position].target { continue }
                        walkers[position].target += weights.greatest
                        var place = walkers[position].next
                        let skip = walkers[position].skip
                        while owners[place] != free {
                            place &+= skip
                            if place >= size { place &-= size }
                        }
                        owners[place] = walkers[position].endpoint
                        place &+= skip
                        walkers[position].next = place >= size ? place &- size : place
                        filled &+= 1
                    }
                    round += 1
                }
            }
        }
        self.owners = owners
    }

    var placeCount: Int { owners.count }

    @inline(__always)
    func endpoint(for hash: UInt64, attempt: Int) -> Int {
        // Envoy's way to another place: one that has little to do with the first.
        let hash = attempt > 0 ? hash ^ (0 &- UInt64(truncatingIfNeeded: attempt)) : hash
        let quotient = hash.multipliedFullWidth(by: reciprocal).high
        var remainder = hash &- quotient &* size
        while remainder >= size { remainder &-= size }
        return Int(truncatingIfNeeded: owners[Int(truncatingIfNeeded: remainder)])
    }
}
