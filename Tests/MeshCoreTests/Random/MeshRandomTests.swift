// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct MeshRandomTests {
    @Test func `the sequence is that of SplitMix64`() {
        // The reference sequence of the algorithm's authors for the seed 1234567.
        let random = MeshRandom(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect((0..<5).map { _ in random.next() } == expected)
    }

    @Test func `copies draw from one sequence`() {
        let random = MeshRandom(seed: 3)
        let copy = random
        let alone = MeshRandom(seed: 3)
        #expect([random.next(), copy.next()] == [alone.next(), alone.next()])
    }

    @Test func `numbers below a bound are spread evenly`() {
        let random = MeshRandom(seed: 5)
        var counts = Array(repeating: 0, count: 10)
        for _ in 0..<100_000 { counts[Int(random.below(10))] += 1 }
        #expect(counts.allSatisfy { (9_500...10_500).contains($0) })
        #expect(random.below(1) == 0)
    }
}
