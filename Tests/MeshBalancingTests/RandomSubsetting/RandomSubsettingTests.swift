// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Random subsetting")
struct RandomSubsettingTests {
    private func subset(
        _ fixture: PickerFixture,
        size: Int,
        seed: UInt64,
        without absent: Set<Int> = []
    ) -> Set<Int> {
        let endpoints = fixture.endpoints.indices.filter { !absent.contains($0) }.map { fixture.endpoints[$0] }
        let policy = RandomSubsetting(subsetSize: size, child: RoundRobin())
        return Set(fixture.picks(policy.makePicker(endpoints, random: MeshRandom(seed: seed)), endpoints.count))
    }

    // gRFC A68: how even it is depends on how many connections an endpoint has; with 100 its deviation is a tenth.
    @Test func `over many clients endpoints have about the same number of them`() {
        let fixture = PickerFixture(count: 100)
        var clients = Array(repeating: 0, count: 100)
        for seed in 0..<2_000 as Range<UInt64> {
            let chosen = subset(fixture, size: 5, seed: seed &* 0x9E37_79B9_7F4A_7C15)
            #expect(chosen.count == 5)
            for number in chosen { clients[number] += 1 }
        }
        #expect(clients.reduce(0, +) == 10_000)
        #expect(clients.allSatisfy { (60...140).contains($0) })
    }

    @Test func `an endpoint that goes is replaced by one, and the others stay`() {
        let fixture = PickerFixture(count: 50)
        for seed in 1...200 as ClosedRange<UInt64> {
            let whole = subset(fixture, size: 10, seed: seed)
            let gone = Int(seed % 50)
            let left = subset(fixture, size: 10, seed: seed, without: [gone])
            #expect(left.count == 10)
            #expect(whole.subtracting(left) == (whole.contains(gone) ? [gone] : []))
        }
    }

    @Test func `with no more endpoints than the subset has, all are in it`() {
        let fixture = PickerFixture(count: 3)
        #expect(subset(fixture, size: 3, seed: 1) == [0, 1, 2])
        #expect(subset(fixture, size: 9, seed: 1) == [0, 1, 2])
    }

    @Test func `what the policy within wants to know, it is told`() {
        let fixture = PickerFixture(count: 1)
        let policy = RandomSubsetting(subsetSize: 1, child: ClientSideWeightedRoundRobin())
        #expect(policy.observesLoad && !policy.observesAnswers && !policy.picksByHash)
        policy.reported(LoadReport(cpuUtilization: 1, requestsPerSecond: 5), by: fixture.endpoints[0], at: fixture.now)
        #expect(fixture.endpoints[0].reportedWeight?.value == 5)
        let learning = RandomSubsetting(subsetSize: 1, child: PeakEWMA())
        #expect(learning.observesAnswers)
        learning.answered(
            AttemptAnswer(latency: .seconds(1), outcome: .success, now: fixture.now),
            by: fixture.endpoints[0]
        )
        #expect(fixture.endpoints[0].latencies.average?.value == 1e9)
    }

    @Test func `a ring within has the shares of its subset as a whole`() {
        let fixture = PickerFixture(count: 6)
        let policy = RandomSubsetting(subsetSize: 2, child: Rendezvous())
        #expect(policy.picksByHash && policy.picksAcrossPlaces)
        let picker = policy.makePicker(
            fixture.endpoints,
            shares: [0.1, 0.1, 0.1, 0.1, 0.1, 0.5],
            random: MeshRandom(seed: 3)
        )
        let random = MeshRandom(seed: 4)
        #expect(Set((0..<500).compactMap { _ in fixture.pick(picker, random.next()) }).count == 2)
    }

    @Test func `bounds are checked, those of the policy within as well`() {
        let policy = RandomSubsetting(subsetSize: 0, child: LeastRequest(choiceCount: 1))
        let error = #expect(throws: ConfigurationError.self) { try policy.validate() }
        #expect(error?.problems.map(\.path) == ["subsetSize", "child.choiceCount"])
        #expect(policy.summary == "random_subsetting: 0 endpoints, among these least_request of 1 drawn")
    }
}
