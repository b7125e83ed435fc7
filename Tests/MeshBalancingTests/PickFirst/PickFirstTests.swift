// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
import Testing

@testable import MeshBalancing

@Suite("Pick first")
struct PickFirstTests {
    @Test func `the first endpoint of the list gets everything, and the next one while it may not be used`() {
        let fixture = PickerFixture(count: 3)
        let picker = PickFirst().makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        #expect(fixture.picks(picker, 3) == [0, 0, 0])
        #expect(fixture.picks(picker, 1, excluding: [fixture.address(0)]) == [1])
        fixture.eject(0)
        #expect(fixture.picks(picker, 2) == [1, 1])
        fixture.endpoints[1].refusedUntil.store(fixture.now.nanoseconds + 1, ordering: .relaxed)
        #expect(fixture.picks(picker, 2) == [2, 2])
        fixture.endpoints[0].eject(until: nil)
        fixture.endpoints[1].refusedUntil.store(0, ordering: .relaxed)
        // It stays with whom it has, until that one may not be used.
        #expect(fixture.picks(picker, 2) == [2, 2])
        #expect(fixture.picks(picker, 2, excluding: [fixture.address(2)]) == [0, 0])
        #expect(fixture.picks(picker, 1) == [2])
        fixture.eject(2)
        #expect(fixture.picks(picker, 2) == [0, 0])
        // A push that leaves it alone does not move anybody either.
        fixture.endpoints[2].eject(until: nil)
        let next = PickFirst().makePicker(fixture.endpoints.reversed(), random: MeshRandom(seed: 1))
        #expect(fixture.picks(next, 1) == [0])
    }

    private func tell(
        _ fixture: PickerFixture,
        _ number: Int,
        isConnected: Bool,
        _ outcome: Outcome = .failure,
        after elapsed: Nanoseconds = .zero
    ) {
        let answer = AttemptAnswer(
            latency: .zero,
            outcome: outcome,
            now: fixture.now.advanced(by: elapsed),
            isConnected: isConnected
        )
        PickFirst().answered(answer, by: fixture.endpoints[number])
    }

    private func first(_ fixture: PickerFixture, _ picker: any EndpointPicker, after elapsed: Nanoseconds) -> Int? {
        let picked = picker.pick(for: PickRequest(at: fixture.now.advanced(by: elapsed)))
        return fixture.endpoints.firstIndex { $0 === picked }
    }

    private func isPassedOver(_ fixture: PickerFixture, after elapsed: Nanoseconds) -> Bool {
        fixture.endpoints[0].connections.isPassedOver(at: fixture.now.advanced(by: elapsed))
    }

    @Test func `who cannot be connected to is passed over, longer from failure to failure`() {
        let fixture = PickerFixture(count: 2)
        let picker = PickFirst().makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        #expect(fixture.picks(picker, 1) == [0])
        tell(fixture, 0, isConnected: false)
        // Others that failed with it are the same failure.
        tell(fixture, 0, isConnected: false)
        #expect(fixture.picks(picker, 2) == [1, 1])
        #expect(first(fixture, picker, after: .seconds(60)) == 1)
        tell(fixture, 1, isConnected: false, after: .seconds(60))
        // 1 s, give or take a fifth, was over long ago.
        #expect(first(fixture, picker, after: .seconds(60)) == 0)
        tell(fixture, 0, isConnected: false, after: .seconds(60))
        // Nobody is left: the first may be back.
        #expect(first(fixture, picker, after: .seconds(60)) == 0)
        // The second failure in a row waits for 1.6 s, the first for 1 s.
        #expect(first(fixture, picker, after: .milliseconds(61_260)) == 1)
        tell(fixture, 1, isConnected: false, after: .milliseconds(61_260))
        #expect(first(fixture, picker, after: .milliseconds(61_930)) == 0)
    }

    @Test func `an answer ends the row, whatever it says, and who gives up says nothing`() {
        let fixture = PickerFixture(count: 2)
        let picker = PickFirst().makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        for second in 0..<10 as Range<UInt64> {
            tell(fixture, 0, isConnected: false, after: .seconds(second * 200))
        }
        let now = Nanoseconds.seconds(1_800)
        func later(_ time: Nanoseconds) -> Nanoseconds { Nanoseconds(rawValue: now.rawValue + time.rawValue) }
        #expect(first(fixture, picker, after: later(.seconds(50))) == 1)
        tell(fixture, 0, isConnected: true, .ignored, after: now)
        tell(fixture, 0, isConnected: false, .ignored, after: now)
        #expect(isPassedOver(fixture, after: now))
        tell(fixture, 0, isConnected: true, .failure, after: now)
        #expect(!isPassedOver(fixture, after: now))
        tell(fixture, 0, isConnected: false, after: now)
        #expect(!isPassedOver(fixture, after: later(.milliseconds(1_201))))
    }

    /// Every seed stands for a process of its own, which nobody has told yet where to stay.
    private func forget(_ fixture: PickerFixture) {
        for endpoint in fixture.endpoints { endpoint.connections.isChosen.store(false, ordering: .relaxed) }
    }

    private func order(_ fixture: PickerFixture, seed: UInt64, of numbers: [Int]) -> [Int] {
        forget(fixture)
        let endpoints = numbers.map { fixture.endpoints[$0] }
        let random = MeshRandom(seed: seed)
        // However much others drew.
        _ = random.next()
        let picker = PickFirst(shufflesAddressList: true).makePicker(endpoints, random: random)
        var tried: [EndpointAddress] = []
        return endpoints.compactMap { _ in
            let picked = fixture.pick(picker, nil, excluding: tried)
            if let picked { tried.append(fixture.address(picked)) }
            return picked
        }
    }

    @Test func `a shuffled list keeps its order over pushes, and who comes or goes changes nothing about the others`() {
        let fixture = PickerFixture(count: 8)
        let all = order(fixture, seed: 7, of: Array(0..<8))
        #expect(all.sorted() == Array(0..<8))
        #expect(order(fixture, seed: 7, of: Array(0..<8)) == all)
        #expect(order(fixture, seed: 7, of: Array((0..<8).reversed())) == all)
        #expect(order(fixture, seed: 7, of: [0, 1, 2, 4, 5, 6, 7]) == all.filter { $0 != 3 })
        #expect(order(fixture, seed: 8, of: Array(0..<8)) != all)
    }

    @Test func `over many processes an endpoint is first as often as its weight says`() {
        let fixture = PickerFixture(weights: [1, 2, 5])
        var counts = [0, 0, 0]
        for seed in 0..<8_000 as Range<UInt64> {
            counts[order(fixture, seed: seed &* 0x9E37_79B9, of: [0, 1, 2])[0]] += 1
        }
        for (count, expected) in zip(counts, [1_000, 2_000, 5_000]) { #expect(abs(count - expected) < 150) }
    }

    @Test func `weighted places do not take turns, and weigh in a shuffle`() {
        let fixture = PickerFixture(count: 4)
        func first(_ policy: PickFirst, seed: UInt64) -> Int? {
            forget(fixture)
            let group = PriorityGroup([
                .init(weight: 1, endpoints: Array(fixture.endpoints[..<2])),
                .init(weight: 9, endpoints: Array(fixture.endpoints[2...])),
            ])
            let picker = PriorityPicker(
                [group],
                policy: policy,
                settings: BalancingSettings(),
                signal: ClusterSignal(),
                random: MeshRandom(seed: seed),
                at: fixture.now
            )
            let picks = Set((0..<20).compactMap { _ in fixture.pick(picker, nil) })
            return picks.count == 1 ? picks.first : nil
        }
        #expect(first(PickFirst(), seed: 1) == 0)
        let inSecond = (0..<1_000 as Range<UInt64>).count { seed in
            (first(PickFirst(shufflesAddressList: true), seed: seed &* 0x9E37_79B9) ?? 0) >= 2
        }
        #expect(abs(inSecond - 900) < 40)
    }
}
