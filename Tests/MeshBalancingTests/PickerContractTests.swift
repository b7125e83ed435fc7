// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Synchronization
import Testing

/// What holds for every policy's picker.
@Suite("Every picker")
struct PickerContractTests {
    static let policies: [any LoadBalancingPolicy] = [
        RoundRobin(), RoundRobin(slowStart: SlowStart(window: .seconds(30))), LeastRequest(),
        LeastRequest(selection: .fullScan),
        LeastRequest(activeRequestBias: 2, slowStart: SlowStart(window: .seconds(30))),
        RandomChoice(), RingHash(minimumSize: 64), RingHash(minimumSize: 64, balanceFactor: 120),
        Maglev(tableSize: 101),
        Maglev(tableSize: 101, balanceFactor: 120), Rendezvous(), PeakEWMA(), ClientSideWeightedRoundRobin(),
        ClientSideWeightedRoundRobin(slowStart: SlowStart(window: .seconds(30))), PickFirst(),
        PickFirst(shufflesAddressList: true), RandomSubsetting(subsetSize: 4, child: RoundRobin()),
        RandomSubsetting(subsetSize: 4, child: Maglev(tableSize: 101)),
        DeterministicAperture(peerIndex: 1, peerCount: 3, minimumAperture: 4),
    ]

    private func picker(_ policy: any LoadBalancingPolicy, _ fixture: PickerFixture) -> any EndpointPicker {
        policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 9))
    }

    private func picks(_ picker: any EndpointPicker, _ fixture: PickerFixture, excluding: [EndpointAddress] = [])
        -> Set<Int>
    {
        let random = MeshRandom(seed: 10)
        return Set((0..<200).compactMap { _ in fixture.pick(picker, random.next(), excluding: excluding) })
    }

    @Test(arguments: policies.indices) func `valid settings are valid, and are named`(_ number: Int) throws {
        let policy = Self.policies[number]
        try policy.validate()
        #expect(!policy.name.isEmpty && policy.summary.hasPrefix(policy.name))
    }

    @Test(arguments: policies.indices) func `picks nobody of nobody, and the only one of one`(_ number: Int) {
        let policy = Self.policies[number]
        let nobody = PickerFixture(count: 0)
        #expect(policy.makePicker([], random: MeshRandom(seed: 9)).pick(for: PickRequest(at: nobody.now)) == nil)
        #expect(
            policy.makePicker([], shares: [], random: MeshRandom(seed: 9)).pick(
                for: PickRequest(at: nobody.now, hash: 1)
            ) == nil
        )
        let one = PickerFixture(count: 1)
        #expect(picks(picker(policy, one), one) == [0])
        #expect(picks(picker(policy, one), one, excluding: [one.address(0)]) == [0])
        one.eject(0)
        #expect(picks(picker(policy, one), one) == [])
    }

    @Test(arguments: policies.indices) func `picks nobody who is ejected or refused`(_ number: Int) {
        let fixture = PickerFixture(count: 6)
        let picker = picker(Self.policies[number], fixture)
        for gone in [0, 2, 3] { fixture.eject(gone) }
        fixture.endpoints[4].refusedUntil.store(fixture.now.nanoseconds + 1, ordering: .relaxed)
        let found = picks(picker, fixture)
        #expect(!found.isEmpty || Self.policies[number].name == "random_subsetting")
        #expect(found.isSubset(of: [1, 5]))
        for number in fixture.endpoints.indices { fixture.eject(number) }
        #expect(picks(picker, fixture) == [])
    }

    @Test(arguments: policies.indices) func `picks who was not tried, as long as there is one`(_ number: Int) {
        let fixture = PickerFixture(weights: [3, 1, 2])
        let picker = picker(Self.policies[number], fixture)
        #expect(picks(picker, fixture, excluding: [fixture.address(0), fixture.address(2)]) == [1])
        #expect(!picks(picker, fixture, excluding: (0..<3).map { fixture.address($0) }).isEmpty)
    }

    @Test(arguments: policies.indices) func `an equal policy makes the same picks of the same seed`(_ number: Int) {
        let fixture = PickerFixture(weights: [3, 1, 2, 2, 9, 1])
        let runs = (0..<2).map { _ in
            let picker = picker(Self.policies[number], fixture)
            return (0..<100 as Range<UInt64>).map { fixture.pick(picker, $0 &* 0x9E37_79B9_7F4A_7C15) }
        }
        #expect(runs[0] == runs[1])
    }
}
