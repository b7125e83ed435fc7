// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization
import Testing

@testable import MeshBalancing

@Suite("Ring hash")
struct RingHashTests {
    private func picker(_ fixture: PickerFixture, _ policy: RingHash = RingHash()) -> any EndpointPicker {
        policy.makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
    }

    @Test func `one hash leads to one endpoint, all hashes to all by their weights`() {
        let fixture = PickerFixture(weights: [1, 1, 2])
        let picker = picker(fixture)
        var counts = [0, 0, 0]
        let random = MeshRandom(seed: 3)
        for _ in 0..<20_000 {
            let hash = random.next()
            guard let first = fixture.pick(picker, hash) else { continue }
            #expect(fixture.pick(picker, hash) == first)
            counts[first] += 1
        }
        for (count, share) in zip(counts, [0.25, 0.25, 0.5]) {
            #expect(abs(Double(count) / 20_000 - share) < 0.04)
        }
    }

    @Test func `a request without a hash goes anywhere`() {
        let fixture = PickerFixture(count: 4)
        #expect(fixture.counts(picker(fixture), 4_000).allSatisfy { $0 > 500 })
    }

    @Test func `an ejected endpoint's hashes are spread, and the others' stay`() {
        let fixture = PickerFixture(count: 5)
        let picker = picker(fixture)
        let hashes = (0..<2_000).map { XXH64.hash("user-\($0)") }
        let before = hashes.map { fixture.pick(picker, $0) }
        fixture.eject(2)
        let after = hashes.map { fixture.pick(picker, $0) }
        for (old, new) in zip(before, after) where old != 2 { #expect(old == new) }
        #expect(Set(zip(before, after).filter { $0.0 == 2 }.map(\.1)) == [0, 1, 3, 4])
        for number in [0, 1, 3, 4] { fixture.eject(number) }
        #expect(fixture.pick(picker, 1) == nil)
    }

    @Test func `a tried endpoint is tried again only if there is no other`() {
        let fixture = PickerFixture(count: 2)
        let picker = picker(fixture)
        for hash in (0..<200).map({ XXH64.hash("\($0)") }) {
            guard let first = fixture.pick(picker, hash) else { continue }
            #expect(fixture.pick(picker, hash, excluding: [fixture.address(first)]) == 1 - first)
            let both = [fixture.address(0), fixture.address(1)]
            #expect(fixture.pick(picker, hash, excluding: both) != nil)
        }
    }

    @Test func `an endpoint keeps its keys by its key, whatever its address`() {
        let one = PickerFixture(keys: ["a", "b", "c"])
        let other = PickerFixture(keys: ["c", "a", "b"])
        let (first, second) = (picker(one), picker(other))
        for hash in (0..<500).map({ XXH64.hash("\($0)") }) {
            let (old, new) = (one.pick(first, hash) ?? 0, other.pick(second, hash) ?? 0)
            #expect(one.endpoints[old].hashKey == other.endpoints[new].hashKey)
        }
    }

    @Test func `with a bound, who has more than its part leaves the rest to one other`() {
        let fixture = PickerFixture(count: 4)
        let picker = picker(fixture, RingHash(balanceFactor: 150))
        let hash = XXH64.hash("somebody")
        guard let first = fixture.pick(picker, hash) else { return }
        // 1.5 times (9 + 1) / 4, rounded up: four are its part.
        fixture.endpoints[first].activeRequests.store(4, ordering: .relaxed)
        fixture.endpoints[(first + 1) % 4].activeRequests.store(5, ordering: .relaxed)
        #expect(fixture.pick(picker, hash) == first)
        fixture.endpoints[first].activeRequests.store(5, ordering: .relaxed)
        fixture.endpoints[(first + 1) % 4].activeRequests.store(0, ordering: .relaxed)
        let second = fixture.pick(picker, hash)
        #expect(second != first)
        #expect((0..<10).allSatisfy { _ in fixture.pick(picker, hash) == second })
    }

    @Test func `every bound is checked`() throws {
        try RingHash().validate()
        let bad = RingHash(minimumSize: 0, maximumSize: 8_388_609, balanceFactor: 99)
        let error = #expect(throws: ConfigurationError.self) { try bad.validate() }
        #expect(error?.problems.map(\.path) == ["maximumSize", "minimumSize", "balanceFactor"])
        #expect(throws: ConfigurationError.self) { try RingHash(minimumSize: 11, maximumSize: 10).validate() }
        // What was not checked is held in its bounds.
        let fixture = PickerFixture(count: 3)
        #expect(fixture.pick(picker(fixture, bad), 1) != nil)
        #expect(fixture.pick(picker(fixture, RingHash(minimumSize: .max, maximumSize: 0)), 1) != nil)
        #expect(RingHash().makePicker([], random: MeshRandom(seed: 1)).pick(for: PickRequest(at: fixture.now)) == nil)
    }
}
