// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite struct RendezvousTests {
    private func picker(_ fixture: PickerFixture) -> any EndpointPicker {
        Rendezvous().makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
    }

    private func hashes(_ count: Int) -> [UInt64] {
        let random = MeshRandom(seed: 5)
        return (0..<count).map { _ in random.next() }
    }

    // Against the C library's `log`.
    @Test(
        arguments: [
            (0.5, -0.693_147_180_559_945_3), (0.999_999, -1.000_000_500_029_089e-06), (0.1, -2.302_585_092_994_045_5),
            (1e-300, -690.775_527_898_213_7), (0.75, -0.287_682_072_451_780_9),
        ] as [(Double, Double)]
    )
    func `the logarithm is exact`(number: Double, expected: Double) {
        #expect(abs(number.logarithm - expected) <= abs(expected) * 1e-9)
    }

    @Test func `a hash has its endpoint, and weights are shares`() {
        let fixture = PickerFixture(weights: [1, 2, 5])
        let picker = picker(fixture)
        var counts = [0, 0, 0]
        for hash in hashes(16_000) {
            let first = fixture.pick(picker, hash)
            #expect(first == fixture.pick(picker, hash))
            if let first { counts[first] += 1 }
        }
        for (count, share) in zip(counts, [2_000, 4_000, 10_000]) { #expect(abs(count - share) < 300, "\(counts)") }
    }

    @Test func `who goes leaves its hashes to the others, and no other hash moves`() {
        let fixture = PickerFixture(count: 5)
        let before = picker(fixture)
        let rest = Rendezvous().makePicker(Array(fixture.endpoints.dropFirst()), random: MeshRandom(seed: 1))
        var heirs: Set<Int> = []
        for hash in hashes(5_000) {
            let old = fixture.pick(before, hash)
            let new = fixture.pick(rest, hash)
            if old == 0 { if let new { heirs.insert(new) } } else { #expect(old == new) }
        }
        #expect(heirs == [1, 2, 3, 4])
        // Whoever may not be used is as good as gone.
        fixture.eject(0)
        for hash in hashes(1_000) { #expect(fixture.pick(before, hash) == fixture.pick(rest, hash)) }
    }

    @Test func `who was tried is picked only when there is no other`() {
        let fixture = PickerFixture(count: 2)
        #expect(fixture.counts(picker(fixture), 20, excluding: [fixture.address(0)]) == [0, 20])
        fixture.eject(1)
        #expect(fixture.counts(picker(fixture), 20, excluding: [fixture.address(0)]) == [20, 0])
        fixture.eject(0)
        #expect(fixture.picks(picker(fixture), 1).isEmpty)
        let nobody = PickerFixture(count: 0)
        #expect(nobody.picks(picker(nobody), 1).isEmpty)
    }
}
