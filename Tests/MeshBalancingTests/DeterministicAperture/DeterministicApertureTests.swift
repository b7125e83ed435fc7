// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
import Testing

@testable import MeshBalancing

@Suite("Deterministic aperture")
struct DeterministicApertureTests {
    @Test func `together the clients load each endpoint the same, wherever they stand`() {
        let random = MeshRandom(seed: 12)
        for _ in 0..<500 {
            let peers = 1 + Int(random.below(80))
            let endpoints = 1 + Int(random.below(120))
            let minimum = 1 + Int(random.below(20))
            let offset = random.below(3) == 0 ? 0 : random.unitInterval() * 10
            var loads = Array(repeating: 0.0, count: endpoints)
            for peer in 0..<peers {
                let policy = DeterministicAperture(
                    peerIndex: peer,
                    peerCount: peers,
                    minimumAperture: minimum,
                    offset: offset
                )
                let edges = policy.edges(of: endpoints)
                let width = edges.reduce(0) { $0 + $1.share }
                #expect(width >= Double(min(minimum, endpoints)) - 1e-9)
                // Nobody is wider than it takes, by more than the distance between two clients.
                #expect(width < Double(min(minimum, endpoints)) + Double(endpoints) / Double(peers) + 1e-9)
                for edge in edges { loads[edge.position] += edge.share / width }
            }
            let even = Double(peers) / Double(endpoints)
            #expect(loads.allSatisfy { abs($0 - even) < 1e-9 }, "\(peers) clients, \(endpoints) endpoints")
        }
    }

    // Finagle's own case: 65 clients, of whom the sixth stands where sums are not exact.
    @Test func `edges are as many as the arc covers`() {
        let policy = DeterministicAperture(peerIndex: 6, peerCount: 65)
        #expect(policy.edges(of: 13).map(\.position) == Array(1...12) + [0])
        let few = DeterministicAperture(peerIndex: 1, peerCount: 4, minimumAperture: 2)
        #expect(few.edges(of: 8).map(\.position) == [2, 3])
        #expect(
            few.edges(of: 6) == [
                .init(position: 1, share: 0.5), .init(position: 2, share: 1), .init(position: 3, share: 1),
                .init(position: 4, share: 0.5),
            ]
        )
        #expect(few.edges(of: 0) == [])
        #expect(few.edges(of: 1) == [.init(position: 0, share: 1)])
    }

    private func picker(_ fixture: PickerFixture, _ policy: DeterministicAperture) -> any EndpointPicker {
        policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 5))
    }

    @Test func `picks are as even as the parts, and none is outside of the aperture`() {
        let fixture = PickerFixture(count: 30)
        var loads = Array(repeating: 0.0, count: 30)
        for peer in 0..<7 {
            let policy = DeterministicAperture(peerIndex: peer, peerCount: 7, minimumAperture: 10)
            let counts = fixture.counts(picker(fixture, policy), 3_000)
            #expect(counts.count { $0 > 0 } == policy.edges(of: 30).count)
            for (position, count) in counts.enumerated() { loads[position] += Double(count) }
        }
        #expect(loads.allSatisfy { abs($0 - 700) < 100 })
    }

    @Test func `all clients see the same ring, whatever order they are told`() {
        let fixture = PickerFixture(count: 20)
        let policy = DeterministicAperture(peerIndex: 1, peerCount: 5, minimumAperture: 4)
        let other = policy.makePicker(fixture.endpoints.reversed(), random: MeshRandom(seed: 5))
        #expect(Set(fixture.picks(picker(fixture, policy), 500)) == Set(fixture.picks(other, 500)))
    }

    @Test func `the less busy of two is picked, and others where the aperture may not be used`() {
        let fixture = PickerFixture(count: 8)
        let policy = DeterministicAperture(peerIndex: 0, peerCount: 4, minimumAperture: 2)
        let picker = picker(fixture, policy)
        let aperture = Set(fixture.picks(picker, 200))
        #expect(aperture.count == 2)
        let busy = aperture.min() ?? 0
        fixture.endpoints[busy].activeRequests.store(5, ordering: .relaxed)
        #expect(Set(fixture.picks(picker, 200)) == aperture.subtracting([busy]))
        for number in aperture { fixture.eject(number) }
        let outside = Set(fixture.picks(picker, 200))
        #expect(!outside.isEmpty && outside.isDisjoint(with: aperture))
    }

    @Test func `bounds are checked, each with its path, and what was not checked does no harm`() {
        let broken = DeterministicAperture(peerIndex: 3, peerCount: 3, minimumAperture: 0, offset: .infinity)
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(error?.problems.map(\.path) == ["peerIndex", "minimumAperture", "offset"])
        let none = DeterministicAperture(peerIndex: -1, peerCount: 0)
        #expect(throws: ConfigurationError.self) { try none.validate() }
        let fixture = PickerFixture(count: 5)
        for policy in [broken, none, DeterministicAperture(peerIndex: 9, peerCount: 2, offset: -.infinity)] {
            #expect(fixture.picks(picker(fixture, policy), 5).count == 5)
        }
    }
}
