// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("The ring of hashes")
struct HashRingTests {
    private static func ring(
        _ keys: [String],
        weights: [UInt32]? = nil,
        minimumSize: UInt64,
        maximumSize: UInt64 = RingHash.greatestSize,
        function: HashFunction = .xxHash
    ) -> HashRing {
        let fixture = PickerFixture(weights: weights ?? Array(repeating: 1, count: keys.count))
        return HashRing(
            keys: keys,
            NormalizedWeights(fixture.endpoints),
            minimumSize: minimumSize,
            maximumSize: maximumSize,
            function: function
        )
    }

    private static let hosts = (90...95).map { "127.0.0.1:\($0)" }

    /// Envoy's test/extensions/load_balancing_policies/ring_hash/ring_hash_lb_test.cc, `Basic`.
    private static let envoys: [(owner: UInt32, hash: UInt64)] = [
        (4, 833_437_586_790_550_860), (2, 928_266_305_478_181_108), (0, 1_033_482_794_131_418_490),
        (5, 3_551_244_743_356_806_947), (3, 3_851_675_632_748_031_481), (1, 5_583_722_120_771_150_861),
        (1, 6_311_230_543_546_372_928), (3, 7_700_377_290_971_790_572), (5, 13_144_177_310_400_110_813),
        (2, 13_444_792_449_719_432_967), (4, 15_516_499_411_664_133_160), (0, 16_117_243_373_044_804_889),
    ]

    @Test func `is Envoy's for six endpoints and twelve places`() {
        let ring = Self.ring(Self.hosts, minimumSize: 12)
        #expect(ring.hashes == Self.envoys.map(\.hash))
        #expect(ring.owners == Self.envoys.map(\.owner))
        #expect(ring.endpoint(for: 0, attempt: 0) == 4)
        #expect(ring.endpoint(for: .max, attempt: 0) == 4)
        #expect(ring.endpoint(for: 3_551_244_743_356_806_947, attempt: 0) == 5)
        #expect(ring.endpoint(for: 3_551_244_743_356_806_948, attempt: 0) == 3)
        // The next places, round the end.
        #expect((0...3).map { ring.endpoint(for: .max, attempt: $0) } == [4, 2, 0, 5])
    }

    @Test func `gives each endpoint places by its weight, the least a whole number`() {
        // Envoy: 1/6 of 3 is rounded up to 1, so that the scale is 6.
        #expect(Self.ring(["a", "b", "c"], weights: [1, 2, 3], minimumSize: 3).owners.sorted() == [0, 1, 1, 2, 2, 2])
        // Four of six places each would have one and a half: the half is carried.
        let carried = Self.ring(["a", "b", "c", "d"], minimumSize: 6, maximumSize: 6)
        #expect(carried.owners.sorted() == [0, 0, 1, 2, 2, 3])
        #expect(Self.ring(Self.hosts, minimumSize: 1_024).hashes.count == 1_026)
        #expect(
            Self.ring(["a", "b"], weights: [1, .max], minimumSize: 1_024, maximumSize: 5_000).hashes.count == 5_000
        )
    }

    @Test func `finds the place that a search in order finds`() {
        let random = MeshRandom(seed: 7)
        for size in [1, 2, 3, 12, 1_000, 5_000] as [UInt64] {
            let ring = Self.ring(Self.hosts, minimumSize: size)
            let edges = ring.hashes.flatMap { [$0 &- 1, $0, $0 &+ 1] } + [0, .max]
            for hash in edges + (0..<1_000).map({ _ in random.next() }) {
                let expected = ring.hashes.firstIndex { $0 >= hash } ?? 0
                #expect(ring.place(of: hash) == expected)
            }
        }
    }

    @Test func `has no place without endpoints`() {
        #expect(Self.ring([], minimumSize: 1_024).placeCount == 0)
    }

    @Test func `made with MurmurHash2 has other places`() {
        let ring = Self.ring(Self.hosts, minimumSize: 12, function: .murmurHash2)
        #expect(ring.hashes.count == 12)
        #expect(Set(ring.hashes).isDisjoint(with: Self.envoys.map(\.hash)))
    }

    @Test func `an endpoint that goes takes no more than its share along`() {
        let keys = (0..<1_000).map { "10.0.\($0 / 250).\($0 % 250):80" }
        // The same number of places each, as before: what is left keeps its places.
        let before = Self.ring(keys, minimumSize: 100_000)
        let after = Self.ring(Array(keys.dropLast()), minimumSize: 99_900)
        let random = MeshRandom(seed: 11)
        var (moved, orphans) = (0, 0)
        for _ in 0..<20_000 {
            let hash = random.next()
            let old = before.endpoint(for: hash, attempt: 0)
            if old == 999 { orphans += 1 } else if after.endpoint(for: hash, attempt: 0) != old { moved += 1 }
        }
        #expect(moved == 0)
        #expect((1..<60).contains(orphans))
    }
}
