// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import Testing

/// A thousand endpoints, some of which come and go: where keys go meanwhile.
@Suite struct ChurnTests {
    private static let keys = 20_000

    private func endpoints(_ numbers: some Sequence<Int>) -> [EndpointState] {
        numbers.map { number in
            let address = EndpointAddress(host: "10.0.\(number / 250).\(number % 250)", port: 80)
            return EndpointState(Endpoint(address: address))
        }
    }

    /// The endpoint of each key.
    private func places(_ policy: some LoadBalancingPolicy, _ endpoints: [EndpointState]) -> [EndpointAddress?] {
        let picker = policy.makePicker(endpoints, random: MeshRandom(seed: 1))
        let random = MeshRandom(seed: 7)
        let now = MeshInstant(nanoseconds: 1)
        return (0..<Self.keys).map { _ in
            picker.pick(for: PickRequest(at: now, hash: random.next()))?.endpoint.address
        }
    }

    /// How many keys went elsewhere, of those whose endpoint stayed.
    private func moved(_ before: [EndpointAddress?], _ after: [EndpointAddress?], gone: Set<EndpointAddress>) -> Int {
        zip(before, after).count { old, new in
            guard let old else { return false }
            return !gone.contains(old) && old != new
        }
    }

    @Test func `a ring moves the keys of who is gone, and no others`() {
        let all = endpoints(0..<1000)
        // A size of which a thousand and 990 endpoints get the same number of places each, 99: with Envoy's rounding others would
        // get a place more, and with it some keys.
        let policy = RingHash(minimumSize: 98_005)
        let before = places(policy, all)
        let gone = all.prefix(10).map(\.endpoint.address)
        let after = places(policy, Array(all.dropFirst(10)))
        #expect(moved(before, after, gone: Set(gone)) == 0)
        #expect(after.allSatisfy { $0.map(gone.contains) == false })
    }

    @Test func `who joins a ring takes its share of the keys, from all`() {
        let policy = RingHash(minimumSize: 100_000)
        let before = places(policy, endpoints(0..<1000))
        let after = places(policy, endpoints(0..<1010))
        let joined = Set(endpoints(1000..<1010).map(\.endpoint.address))
        let moves = zip(before, after).filter { $0 != $1 }
        #expect(moves.allSatisfy { $0.1.map(joined.contains) == true }, "who moves, moves to a new one")
        // Its share is a hundredth: 198 keys, and 100 places a piece are uneven by some tenths.
        #expect((120...280).contains(moves.count))
    }

    // Maglev's price for even shares: a few keys move that need not (§5.3 of its paper: some percent for tables of this size).
    @Test func `a table moves few keys more than it must`() {
        let all = endpoints(0..<1000)
        let before = places(Maglev(), all)
        let after = places(Maglev(), Array(all.dropFirst(10)))
        let gone = Set(all.prefix(10).map(\.endpoint.address))
        #expect(moved(before, after, gone: gone) < Self.keys / 10)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `storms of failures keep within the share`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        let all = endpoints(0..<100)
        let detector = OutlierDetector(
            OutlierDetection(consecutiveFailures: 3, maximumEjectionPercent: 30),
            cluster: "c",
            observers: .none,
            random: random,
            now: MeshInstant(nanoseconds: 0)
        )
        var now = MeshInstant(nanoseconds: 0)
        var most = 0
        for _ in 0..<100_000 {
            now = now.advanced(by: .milliseconds(random.below(20)))
            let endpoint = all[Int(random.below(100))]
            // Every other minute all of them fail.
            let fails = now.nanoseconds / 60_000_000_000 % 2 == 1
            let result: AttemptResult = fails ? .failure(status: 500) : .success
            detector.attemptEnded(result, at: endpoint, endpointCount: 100, now: now)
            detector.sweep(all, now: now)
            most = max(most, all.count { $0.isEjected(at: now) })
        }
        #expect(most == 30)
        let end = now.advanced(by: .seconds(600))
        detector.sweep(all, now: end)
        #expect(all.allSatisfy { !$0.isEjected(at: end) }, "all return")
    }
}
