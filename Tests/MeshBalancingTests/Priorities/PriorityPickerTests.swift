// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
import Testing

@testable import MeshBalancing

@Suite("Picking by priority and place")
struct PriorityPickerTests {
    /// Endpoints whose ports begin at a thousand for each priority, and at a hundred for each of its places.
    private struct Fixture {
        let signal = ClusterSignal()
        var now = MeshInstant(nanoseconds: 1_000_000_000)
        let groups: [PriorityGroup]
        let picker: PriorityPicker

        init(
            _ priorities: [[(weight: UInt32?, count: Int)]],
            health: (_ priority: Int, _ place: Int, _ number: Int) -> EndpointHealth = { _, _, _ in .healthy },
            policy: some LoadBalancingPolicy = RoundRobin(),
            settings: BalancingSettings = BalancingSettings()
        ) {
            let signal = signal
            groups = priorities.enumerated().map { priority, places in
                PriorityGroup(
                    places.enumerated().map { place, description in
                        let endpoints = (0..<description.count).map { number in
                            EndpointState(
                                Endpoint(
                                    address: EndpointAddress(
                                        host: "e",
                                        port: UInt16(priority * 1_000 + place * 100 + number)
                                    )
                                ),
                                health: health(priority, place, number),
                                signal: signal
                            )
                        }
                        return .init(weight: description.weight, endpoints: endpoints)
                    }
                )
            }
            picker = PriorityPicker(
                groups,
                policy: policy,
                settings: settings,
                signal: signal,
                random: MeshRandom(seed: 2),
                at: now
            )
        }

        func endpoint(_ priority: Int, _ number: Int, place: Int = 0) -> EndpointState {
            groups[priority].places[place].endpoints[number]
        }

        func pick(hash: UInt64? = nil, avoiding priorities: UInt64 = 0) -> Int? {
            var request = PickRequest(at: now, hash: hash)
            request.avoidedPriorities = priorities
            return picker.pick(for: request)?.endpoint.address.port.map { Int($0) }
        }

        /// By what `part` makes of its port, how often an endpoint is picked in ten thousand.
        func counts(avoiding priorities: UInt64 = 0, by part: (Int) -> Int) -> [Int: Int] {
            (0..<10_000).reduce(into: [:]) { counts, _ in
                if let port = pick(avoiding: priorities) { counts[part(port), default: 0] += 1 }
            }
        }
    }

    /// Long after every test.
    private static let never = MeshInstant(nanoseconds: .max)

    private static func byPriority(_ port: Int) -> Int { port / 1_000 }
    private static func byPlace(_ port: Int) -> Int { port / 100 % 10 }

    @Test func `the best priority has everything while enough of it is well, then the next has its part`() {
        let fixture = Fixture([[(nil, 4)], [(nil, 4)]])
        #expect(fixture.counts(by: Self.byPriority) == [0: 10_000])
        fixture.endpoint(0, 0).eject(until: Self.never)
        // Three of four times 1.4 are more than all.
        #expect(fixture.counts(by: Self.byPriority) == [0: 10_000])
        fixture.endpoint(0, 1).eject(until: Self.never)
        let counts = fixture.counts(by: Self.byPriority)
        #expect((6_800...7_200).contains(counts[0] ?? 0))
        #expect(fixture.counts { $0 }[0] == nil)
        fixture.endpoint(0, 2).eject(until: Self.never)
        fixture.endpoint(0, 3).eject(until: Self.never)
        #expect(fixture.counts(by: Self.byPriority) == [1: 10_000])
    }

    @Test func `an ejection that ends, or is taken back, counts at once`() {
        var fixture = Fixture([[(nil, 2)], [(nil, 2)]])
        let end = fixture.now.advanced(by: .seconds(30))
        for number in 0..<2 { fixture.endpoint(0, number).eject(until: end) }
        #expect(fixture.counts(by: Self.byPriority) == [1: 10_000])
        fixture.now = end
        #expect(fixture.counts(by: Self.byPriority) == [0: 10_000])
        for number in 0..<2 { fixture.endpoint(0, number).eject(until: Self.never) }
        #expect(fixture.counts(by: Self.byPriority) == [1: 10_000])
        for number in 0..<2 { fixture.endpoint(0, number).eject(until: nil) }
        #expect(fixture.counts(by: Self.byPriority) == [0: 10_000])
    }

    @Test func `degraded endpoints take what is left over, unhealthy ones nothing`() {
        let fixture = Fixture(
            [[(nil, 4)]],
            health: { _, _, number in [.healthy, .healthy, .degraded, .unhealthy][number] }
        )
        let counts = fixture.counts { $0 }
        #expect((6_700...7_300).contains((counts[0] ?? 0) + (counts[1] ?? 0)))
        #expect((2_700...3_300).contains(counts[2] ?? 0))
        #expect(counts[3] == nil)
    }

    @Test func `in panic all are used, and without panic nobody`() {
        for (threshold, expected) in [(50, 4), (0, 1)] as [(UInt32, Int)] {
            let fixture = Fixture(
                [[(nil, 4)]],
                health: { _, _, number in number == 3 ? .unhealthy : .healthy },
                settings: BalancingSettings(panicThreshold: threshold)
            )
            fixture.endpoint(0, 0).eject(until: Self.never)
            fixture.endpoint(0, 1).eject(until: Self.never)
            #expect(fixture.counts { $0 }.count == expected)
            fixture.endpoint(0, 2).eject(until: Self.never)
            #expect(fixture.counts { $0 }.count == (threshold == 0 ? 0 : 4))
            #expect(fixture.picker.load(at: fixture.now).panics == [threshold != 0])
        }
    }

    /// Envoy's documentation of locality-weighted balancing: the share of the first of two places with weights 1 and 2.
    @Test(arguments: [(100, 33), (70, 33), (69, 32), (50, 26), (25, 15), (0, 0)])
    func `places share by their weights, as far as their endpoints may be used`(healthy: Int, share: Int) {
        let fixture = Fixture(
            [[(1, 100), (2, 100)]],
            health: { _, place, number in place == 0 && number >= healthy ? .unhealthy : .healthy },
            // Beside the loss of a place the priority's own health is no matter here.
            settings: BalancingSettings(panicThreshold: 0)
        )
        let counts = fixture.counts(by: Self.byPlace)
        #expect(abs((counts[0] ?? 0) - share * 100) < 200)
        #expect((counts[0] ?? 0) + (counts[1] ?? 0) == 10_000)
    }

    @Test func `a place without weight among weighted ones means that none is heeded`() {
        let fixture = Fixture([[(1, 3), (nil, 1)]])
        #expect((7_400...7_600).contains(fixture.counts(by: Self.byPlace)[0] ?? 0))
    }

    @Test func `a place of weight zero gets nothing`() {
        let fixture = Fixture([[(0, 3), (1, 1)]])
        #expect(fixture.counts(by: Self.byPlace) == [1: 10_000])
        let hashed = Fixture([[(0, 3), (1, 1)]], policy: RingHash())
        #expect(hashed.counts(by: Self.byPlace) == [1: 10_000])
    }

    @Test func `a ring gives places their shares, and a hash its priority`() {
        let fixture = Fixture([[(1, 2), (3, 2)], [(nil, 2)]], policy: RingHash())
        let random = MeshRandom(seed: 4)
        var places = [0, 0]
        for _ in 0..<5_000 {
            let hash = random.next()
            guard let port = fixture.pick(hash: hash) else { continue }
            #expect(fixture.pick(hash: hash) == port)
            places[Self.byPlace(port)] += 1
        }
        #expect((1_000...1_500).contains(places[0]))
        for number in 0..<2 { fixture.endpoint(0, number, place: 1).eject(until: Self.never) }
        // Half of the endpoints are left: 70 of a hundred hashes stay.
        var stayed = 0
        for hash in 0..<1_000 as Range<UInt64> where (fixture.pick(hash: hash) ?? 1_000) < 1_000 { stayed += 1 }
        #expect(stayed == 700)
    }

    @Test func `priorities that were tried are avoided, if there is another`() {
        let fixture = Fixture([[(nil, 2)], [(nil, 2)]])
        #expect(fixture.counts(avoiding: 0b1, by: Self.byPriority) == [1: 10_000])
        #expect(fixture.counts(avoiding: 0b11, by: Self.byPriority) == [0: 10_000])
    }

    /// Envoy's test/extensions/retry/priority/previous_priorities.
    @Test(arguments: [(1, [0, 1, 2, 0, 1, 2, 0]), (2, [0, 0, 1, 1, 2, 2, 0]), (3, [0, 0, 0, 1, 1, 1, 2])])
    func `attempts go on from priority to priority, and begin anew at the end`(frequency: Int, expected: [Int]) {
        let fixture = Fixture([[(nil, 2)], [(nil, 2)], [(nil, 2)]])
        var history = PriorityHistory()
        let visited = (0..<expected.count).map { _ -> Int in
            fixture.picker.advance(&history, every: frequency, at: fixture.now)
            let priority = (fixture.pick(avoiding: history.avoided) ?? 9_000) / 1_000
            history.attempted(priority)
            return priority
        }
        #expect(visited == expected)
    }

    @Test func `nothing is there to pick from`() {
        #expect(Fixture([]).pick() == nil)
        #expect(Fixture([[]]).pick() == nil)
        #expect(Fixture([[(nil, 0)], [(5, 0), (6, 0)]]).pick() == nil)
    }

    @Test func `many pick while endpoints are ejected and come again`() async {
        let fixture = Fixture([[(nil, 4)], [(nil, 4)]])
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { (0..<20_000).count { _ in fixture.pick() == nil } }
            }
            group.addTask {
                for round in 0..<5_000 {
                    fixture.endpoint(0, round % 4).eject(until: round % 2 == 0 ? Self.never : nil)
                }
                return 0
            }
            for await missing in group { #expect(missing == 0) }
        }
    }
}
