// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

@Suite struct RoundRobinTests {
    private func picker(_ fixture: PickerFixture, seed: UInt64 = 1) -> any EndpointPicker {
        RoundRobin().makePicker(fixture.endpoints, random: MeshRandom(seed: seed))
    }

    @Test func `each has its turn`() {
        let fixture = PickerFixture(count: 3)
        let picks = fixture.picks(picker(fixture), 9)
        #expect(Set(picks.prefix(3)).count == 3)
        #expect(picks[0..<3] == picks[3..<6] && picks[3..<6] == picks[6..<9])
    }

    @Test func `the turn begins at random`() {
        let fixture = PickerFixture(count: 10)
        let starts = (0..<50).compactMap { fixture.picks(picker(fixture, seed: $0), 1).first }
        #expect(Set(starts).count > 5)
    }

    @Test func `a weight is a share of the turns, and a heavy endpoint does not get them all at once`() {
        let fixture = PickerFixture(weights: [2, 2, 4])
        #expect(fixture.counts(picker(fixture), 400) == [100, 100, 200])
        let picks = fixture.picks(picker(fixture), 8)
        #expect(zip(picks, picks.dropFirst()).contains { $0 != $1 })
    }

    @Test func `very uneven weights keep everybody in the turn`() {
        let fixture = PickerFixture(weights: [.max, 1])
        let counts = fixture.counts(picker(fixture), 65_536)
        #expect(counts == [65_535, 1])
    }

    @Test func `who is ejected loses its turn, and its neighbours share it evenly`() {
        let fixture = PickerFixture(count: 4)
        fixture.eject(1)
        #expect(fixture.counts(picker(fixture), 3_000) == [1_000, 0, 1_000, 1_000])
    }

    @Test func `who was tried is picked only when there is no other`() {
        let fixture = PickerFixture(count: 2)
        #expect(fixture.counts(picker(fixture), 10, excluding: [fixture.address(0)]) == [0, 10])
        fixture.eject(1)
        #expect(fixture.counts(picker(fixture), 10, excluding: [fixture.address(0)]) == [10, 0])
        fixture.eject(0)
        #expect(fixture.picks(picker(fixture), 1).isEmpty)
    }

    @Test func `nobody is picked of nobody`() {
        let fixture = PickerFixture(count: 0)
        #expect(fixture.picks(picker(fixture), 1).isEmpty)
    }
}
