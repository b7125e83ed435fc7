// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Clusters made of clusters")
struct AggregatePickerTests {
    private struct Fixture {
        let now = MeshInstant(nanoseconds: 1_000_000_000)
        var members: [[[EndpointState]]] = []
        var pickers: [PriorityPicker] = []
        let aggregate: AggregatePicker

        /// By cluster and priority, the number of its endpoints.
        init(_ counts: [[Int]], settings: BalancingSettings = BalancingSettings()) {
            for (member, counts) in counts.enumerated() {
                let signal = ClusterSignal()
                let groups = counts.enumerated().map { priority, count in
                    (0..<count).map { number in
                        EndpointState(
                            Endpoint(
                                address: EndpointAddress(
                                    host: "m\(member)",
                                    port: UInt16(100 * priority + number)
                                )
                            ),
                            priority: priority,
                            signal: signal
                        )
                    }
                }
                members.append(groups)
                pickers.append(
                    PriorityPicker(
                        groups.map { PriorityGroup([.init(endpoints: $0)]) },
                        policy: RoundRobin(),
                        settings: BalancingSettings(),
                        signal: signal,
                        random: MeshRandom(seed: 1),
                        at: now
                    )
                )
            }
            aggregate = AggregatePicker(pickers, settings: settings, random: MeshRandom(seed: 2), at: now)
        }

        func eject(_ member: Int, _ priority: Int, _ numbers: Range<Int>) {
            for number in numbers { members[member][priority][number].eject(until: MeshInstant(nanoseconds: .max)) }
        }

        /// By cluster and priority, of a thousand requests.
        func counts(avoiding priorities: UInt64 = 0) -> [String: Int] {
            (0..<1_000).reduce(into: [:]) { counts, _ in
                var request = PickRequest(at: now)
                request.avoidedPriorities = priorities
                guard let choice = aggregate.choose(for: request) else { return }
                request.priority = choice.priority
                request.avoidedPriorities = 0
                let endpoint = pickers[choice.member].pick(for: request)
                counts["\(choice.member)/\(endpoint.map { "\($0.priority)" } ?? "none")", default: 0] += 1
            }
        }
    }

    @Test func `the priorities of all clusters follow each other`() {
        let fixture = Fixture([[2, 2], [2]])
        #expect(fixture.counts() == ["0/0": 1_000])
        fixture.eject(0, 0, 0..<2)
        #expect(fixture.counts() == ["0/1": 1_000])
        fixture.eject(0, 1, 0..<2)
        #expect(fixture.counts() == ["1/0": 1_000])
        fixture.members[0][0][0].eject(until: nil)
        // Half of the first cluster's first priority is worth 70%.
        let counts = fixture.counts()
        #expect((650...750).contains(counts["0/0"] ?? 0) && (250...350).contains(counts["1/0"] ?? 0))
    }

    @Test func `clusters may fail over at once`() {
        let fixture = Fixture([[4], [1]], settings: BalancingSettings(priorities: .grpc))
        fixture.eject(0, 0, 0..<3)
        #expect(fixture.counts() == ["0/0": 1_000])
        fixture.eject(0, 0, 3..<4)
        #expect(fixture.counts() == ["1/0": 1_000])
    }

    @Test func `a further attempt can avoid a cluster that was tried`() {
        let fixture = Fixture([[2], [2], [2]])
        #expect(fixture.counts(avoiding: 0b1) == ["1/0": 1_000])
        #expect(fixture.counts(avoiding: 0b11) == ["2/0": 1_000])
    }

    @Test func `an ejection that ends counts when it is over`() {
        let fixture = Fixture([[1], [1]])
        fixture.members[0][0][0].eject(until: fixture.now.advanced(by: .seconds(1)))
        #expect(fixture.counts() == ["1/0": 1_000])
        let request = PickRequest(at: fixture.now.advanced(by: .seconds(1)))
        #expect(fixture.aggregate.choose(for: request)?.member == 0)
    }

    @Test func `nothing to choose from is no trap`() {
        let now = MeshInstant(nanoseconds: 1)
        let none = AggregatePicker([], settings: BalancingSettings(), random: MeshRandom(seed: 1), at: now)
        #expect(none.choose(for: PickRequest(at: now)) == nil)
        let fixture = Fixture([[], [0]])
        #expect(fixture.counts() == ["1/none": 1_000])
    }
}
