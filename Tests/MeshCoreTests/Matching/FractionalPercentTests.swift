// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct FractionalPercentTests {
    static let draws: [(FractionalPercent, UInt64, Bool)] = [
        (FractionalPercent.none, UInt64(0), false),
        (.none, .max, false),
        (.all, 0, true),
        (.all, .max, true),
        (FractionalPercent(numerator: 10), 9, true),
        (FractionalPercent(numerator: 10), 10, false),
        (FractionalPercent(numerator: 10), 109, true),
        (FractionalPercent(numerator: 1, denominator: .tenThousand), 10_000, true),
        (FractionalPercent(numerator: 1, denominator: .tenThousand), 1, false),
        (FractionalPercent(numerator: 1, denominator: .million), 2_000_000, true),
        (FractionalPercent(numerator: 200), 99, true),
    ]

    @Test(arguments: draws)
    func `a request belongs to the share if its number modulo the denominator is below the numerator`(
        share: FractionalPercent,
        random: UInt64,
        expected: Bool
    ) {
        #expect(share.contains(random) == expected)
    }

    static let percents: [(Double, Double)] = [
        (12.5, 12.5), (0.0001, 0.0001), (-3, 0), (250, 100), (.nan, 0), (.infinity, 0),
    ]

    @Test(arguments: percents)
    func `percent are clamped and kept to the ten-thousandth`(percent: Double, expected: Double) {
        #expect(abs(FractionalPercent(percent: percent).percent - expected) < 1e-9)
    }

    @Test func `the share holds over many draws`() {
        let random = MeshRandom(seed: 7)
        let share = FractionalPercent(numerator: 10)
        let hits = (0..<100_000).count { _ in share.contains(random.next()) }
        #expect((9_700...10_300).contains(hits))
    }
}
