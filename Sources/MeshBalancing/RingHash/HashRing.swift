// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Places of endpoints on a circle of 64-bit hashes, as many as their weights give them.
struct HashRing: HashTable {
    /// In ascending order.
    let hashes: [UInt64]
    /// Whose places these are.
    let owners: [UInt32]
    /// By the leading bits of a hash, the first place that is not before all hashes with these. Hashes are spread evenly, so
    /// that few places, if any, have to be passed behind it.
    private let starts: [UInt32]
    private let shift: UInt64

    /// Makes a ring.
    ///
    /// The least endpoint gets a whole number of places, at least `minimumSize` in all; of the others' fractions the sum is
    /// carried from one to the next, in the order of the endpoints, as Envoy does.
    /// - Complexity: O(places × log places).
    init(
        keys: [String],
        _ weights: NormalizedWeights,
        minimumSize: UInt64,
        maximumSize: UInt64,
        function: HashFunction
    ) {
        guard !keys.isEmpty, weights.least > 0 else {
            (hashes, owners, starts, shift) = ([], [], [], 63)
            return
        }
        let scale = min((weights.least * Double(minimumSize)).rounded(.up) / weights.least, Double(maximumSize))
        var places: [(hash: UInt64, owner: UInt32)] = []
        places.reserveCapacity(Int(scale.rounded(.up)))
        var target = 0.0
        for (owner, key) in keys.enumerated() {
            target += scale * weights.shares[owner]
            var text = Array(key.utf8) + [UInt8(ascii: "_")]
            let prefix = text.count
            var number = 0
            while Double(places.count) < target {
                text.removeSubrange(prefix...)
                text += String(number).utf8
                let hash = text.withUnsafeBytes { function.hash($0) }
                places.append((hash, UInt32(truncatingIfNeeded: owner)))
                number += 1
            }
        }
        places.sort { ($0.hash, $0.owner) < ($1.hash, $1.owner) }
        let hashes = places.map(\.hash)
        self.hashes = hashes
        owners = places.map(\.owner)
        let bits = max(1, Int.bitWidth - (places.count - 1).leadingZeroBitCount)
        let shift = UInt64(64 - bits)
        self.shift = shift
        var next = 0
        starts = (0..<(1 << bits)).map { bucket in
            while next < hashes.count, hashes[next] >> shift < UInt64(bucket) { next += 1 }
            return UInt32(truncatingIfNeeded: next)
        }
    }

    var placeCount: Int { hashes.count }

    /// The first place whose hash is not below a hash, or the first of all behind the last.
    /// - Complexity: O(1) where hashes are spread evenly. No allocation.
    @inline(__always)
    func place(of hash: UInt64) -> Int {
        var place = Int(truncatingIfNeeded: starts[Int(truncatingIfNeeded: hash &>> shift)])
        while place < hashes.count, hashes[place] < hash { place &+= 1 }
        return place < hashes.count ? place : 0
    }

    @inline(__always)
    func endpoint(for hash: UInt64, attempt: Int) -> Int {
        var place = place(of: hash)
        if attempt > 0 { place = (place &+ attempt) % hashes.count }
        return Int(truncatingIfNeeded: owners[place])
    }
}
