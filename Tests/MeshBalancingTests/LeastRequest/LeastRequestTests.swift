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

    @Test func `weights are shares of idle endpoints`() {
        let fixture = PickerFixture(weights: [1, 2, 5])
        let counts = fixture.counts(picker(fixture), 8_000)
        for (count, expected) in zip(counts, [1_000, 2_000, 5_000]) { #expect(abs(count - expected) <= 2) }
    }

    // Envoy: the weight divided by (active requests + 1) to the power of the bias.
    @Test(
        arguments: [(0, [1, 1, 1]), (1, [1, 2, 3]), (2, [1, 4, 9]), (0.5, [1, 1.4142, 1.7321])] as [(Double, [Double])]
    )
    func `busy endpoints weigh less`(bias: Double, divisors: [Double]) {
        let weights: [UInt32] = [10, 20, 30]
        let fixture = PickerFixture(weights: weights)
        for (number, endpoint) in fixture.endpoints.enumerated() {
            endpoint.activeRequests.store(number, ordering: .relaxed)
        }
        let policy = LeastRequest(activeRequestBias: bias)
        let counts = fixture.counts(policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 1)), 100_000)
        let expected = zip(weights, divisors).map { Double($0) / $1 }
        for (count, share) in zip(counts, expected) {
            #expect(abs(Double(count) / 100_000 - share / expected.reduce(0, +)) < 0.001)
        }
    }

    @Test func `a bias that takes everything away leaves the least`() {
        let fixture = PickerFixture(weights: [1, 2])
        for endpoint in fixture.endpoints { endpoint.activeRequests.store(.max - 1, ordering: .relaxed) }
        let policy = LeastRequest(activeRequestBias: 1e300)
        let picker = policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        #expect(fixture.counts(picker, 100).allSatisfy { $0 > 0 })
    }

    @Test func `a full scan finds the least busy one of all, and draws among equals`() {
        let fixture = PickerFixture(count: 5)
        let picker = LeastRequest(selection: .fullScan).makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        for number in [0, 2] { fixture.endpoints[number].activeRequests.store(1, ordering: .relaxed) }
        let counts = fixture.counts(picker, 30_000)
        #expect(counts[0] == 0 && counts[2] == 0)
        #expect([1, 3, 4].allSatisfy { (9_500...10_500).contains(counts[$0]) })
        for number in [1, 3, 4] { fixture.eject(number) }
        #expect(fixture.counts(picker, 100).allSatisfy { $0 <= 100 })
        #expect(fixture.counts(picker, 100, excluding: [fixture.address(0)]) == [0, 0, 100, 0, 0])
    }

    @Test func `bounds are named`() {
        let error = #expect(throws: ConfigurationError.self) {
            try LeastRequest(choiceCount: 1, activeRequestBias: .nan).validate()
        }
        #expect(error?.problems.map(\.path) == ["choiceCount", "activeRequestBias"])
        #expect(throws: ConfigurationError.self) { try LeastRequest(activeRequestBias: -1).validate() }
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
