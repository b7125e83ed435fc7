// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Weights from load reports")
struct ReportedWeightTests {
    private func at(_ seconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: seconds * 1_000_000_000) }

    private func usable(_ weight: ReportedWeight, at seconds: UInt64, blackout: UInt64 = 10) -> Double? {
        weight.usable(at: at(seconds), blackout: .seconds(blackout), expiration: .seconds(180))
    }

    @Test func `a weight counts once reports have come for the blackout, and until they stopped for the expiration`() {
        var weight = ReportedWeight(5, at: at(100))
        #expect(usable(weight, at: 109) == nil)
        #expect(usable(weight, at: 110) == 5)
        weight.update(7, at: at(150), expiration: .seconds(180))
        #expect(usable(weight, at: 329) == 7)
        #expect(usable(weight, at: 330) == nil)
        // The first report after an expiration is the first of all again.
        weight.update(8, at: at(400), expiration: .seconds(180))
        #expect(usable(weight, at: 409) == nil)
        #expect(usable(weight, at: 410) == 8)
    }

    @Test func `without a blackout it counts at once, and time that goes back does no harm`() {
        var weight = ReportedWeight(5, at: at(100))
        #expect(usable(weight, at: 100, blackout: 0) == 5)
        weight.update(6, at: at(90), expiration: .seconds(180))
        #expect(weight.updatedAt == at(100))
        #expect(usable(weight, at: 95, blackout: 0) == 6)
    }

    @Test func `a schedule has the weights in each of its cycles exactly`() {
        for reported in [[3, 1, 2], [1, 1], [10, 0, 30], [0.001, 7, 4]] as [[Double]] {
            let weights = StrideSchedule.weights(reported: reported, factors: reported.map { _ in 1 })
            var counts = reported.map { _ in 0 }
            for generation in 0..<StrideSchedule.most {
                for (position, weight) in weights.enumerated() {
                    let takes = StrideSchedule.takesTurn(UInt64(weight), at: UInt64(position), in: generation)
                    counts[position] += takes ? 1 : 0
                }
            }
            #expect(counts == weights.map(Int.init))
        }
    }

    // The ratios are gRPC's: `kMaxRatio` 10, `kMinRatio` 0.01, and the mean for who has none.
    @Test func `weights are scaled to 16 bits, and none is too far from the mean`() {
        func weights(_ reported: [Double]) -> [UInt16] {
            StrideSchedule.weights(reported: reported, factors: reported.map { _ in 1 })
        }
        #expect(weights([]) == [])
        #expect(weights([5]) == [65_535])
        #expect(weights([0, 0, 0]) == [65_535, 65_535, 65_535])
        #expect(weights([7, 0, 0]) == [65_535, 65_535, 65_535])
        #expect(weights([2, 1]) == [65_535, 32_768])
        #expect(weights([4, 2, 0]) == [65_535, 32_768, 49_151])
        // 99 ones and one that is 1 000 times heavier: the mean is 10.99, and 109.9 the most.
        let outlier = weights(Array(repeating: 1, count: 99) + [1_000])
        #expect(outlier.last == 65_535)
        #expect(outlier.first == UInt16((65_535 / 109.9).rounded()))
        // The mean of these is 50, of which a hundredth is the least.
        #expect(weights([100, 1e-30]) == [65_535, UInt16((65_535 * 0.005).rounded())])
        #expect(weights([4_294_967_295, 1e-30]).allSatisfy { $0 > 0 })
        #expect(StrideSchedule.weights(reported: [1, 1], factors: [1, 0.25]) == [65_535, 16_384])
    }
}
