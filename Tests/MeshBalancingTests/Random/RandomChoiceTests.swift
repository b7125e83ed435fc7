// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

@Suite("Random")
struct RandomChoiceTests {
    private func picker(_ fixture: PickerFixture) -> any EndpointPicker {
        RandomChoice().makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
    }

    @Test func `all are picked alike, whatever they weigh`() {
        let fixture = PickerFixture(weights: [1, 5, 1, 1])
        #expect(fixture.counts(picker(fixture), 40_000).allSatisfy { (9_600...10_400).contains($0) })
    }

    @Test func `who may not be picked is passed over, and the others share evenly`() {
        let fixture = PickerFixture(count: 4)
        fixture.eject(1)
        let counts = fixture.counts(picker(fixture), 30_000, excluding: [fixture.address(3)])
        #expect(counts[1] == 0 && counts[3] == 0)
        #expect((14_500...15_500).contains(counts[0]))
        for number in [0, 2] { fixture.eject(number) }
        #expect(fixture.counts(picker(fixture), 5, excluding: [fixture.address(3)]) == [0, 0, 0, 5])
        fixture.eject(3)
        #expect(fixture.pick(picker(fixture), nil) == nil)
    }

    @Test func `without endpoints there is nothing to pick`() {
        #expect(fixture(0).isEmpty)
    }

    private func fixture(_ count: Int) -> [Int] {
        let fixture = PickerFixture(count: count)
        return fixture.picks(picker(fixture), 3)
    }
}
