// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Synchronization
import Testing

@Suite struct LeastRequestTests {
    private func picker(_ fixture: PickerFixture, choices: Int = 2) -> any EndpointPicker {
        LeastRequest(choiceCount: choices).makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
    }

    @Test func `idle endpoints share the traffic evenly`() {
        let fixture = PickerFixture(count: 4)
        #expect(fixture.counts(picker(fixture), 40_000).allSatisfy { (9_500...10_500).contains($0) })
    }

    @Test func `of two drawn the less busy one is taken`() {
        let fixture = PickerFixture(count: 4)
        fixture.endpoints[0].activeRequests.store(100, ordering: .relaxed)
        let counts = fixture.counts(picker(fixture), 16_000)
        // It is taken only when it is drawn twice: 1 of 16.
        #expect((850...1_150).contains(counts[0]))
    }

    @Test func `more choices avoid the busy one more surely`() {
        let fixture = PickerFixture(count: 4)
        fixture.endpoints[0].activeRequests.store(100, ordering: .relaxed)
        #expect(fixture.counts(picker(fixture, choices: 10), 10_000)[0] < 5)
    }

    @Test func `weights count among idle endpoints too`() {
        let fixture = PickerFixture(weights: [1, 3])
        // The heavy one is taken unless the light one is drawn twice: 3 of 4.
        #expect((7_300...7_700).contains(fixture.counts(picker(fixture), 10_000)[1]))
    }

    @Test func `ejected endpoints are passed over, tried ones only if there is another`() {
        let fixture = PickerFixture(count: 3)
        fixture.eject(0)
        let counts = fixture.counts(picker(fixture), 1_000, excluding: [fixture.address(1)])
        #expect(counts == [0, 0, 1_000])
        fixture.eject(2)
        #expect(fixture.counts(picker(fixture), 10, excluding: [fixture.address(1)]) == [0, 10, 0])
        fixture.eject(1)
        #expect(fixture.picks(picker(fixture), 1).isEmpty)
    }

    @Test(arguments: [Int.min, 0, 1, 1_000_000])
    func `a choice count out of its bounds is brought into them`(choices: Int) {
        let fixture = PickerFixture(count: 3)
        #expect(fixture.picks(picker(fixture, choices: choices), 100).count == 100)
    }
}
