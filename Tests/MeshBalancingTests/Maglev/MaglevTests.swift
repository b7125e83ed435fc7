// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Maglev")
struct MaglevTests {
    private static func table(_ keys: [String], weights: [UInt32]? = nil, size: Int) -> MaglevTable {
        let fixture = PickerFixture(weights: weights ?? Array(repeating: 1, count: keys.count))
        return MaglevTable(keys: keys, NormalizedWeights(fixture.endpoints), size: size)
    }

    /// Envoy's test/extensions/load_balancing_policies/maglev/maglev_lb_test.cc: `Basic`, `BasicWithHostName`, `Weighted`.
    @Test func `the table is Envoy's`() {
        let addresses = (90...95).map { "127.0.0.1:\($0)" }
        #expect(Self.table(addresses, size: 7).owners == [2, 4, 0, 1, 5, 0, 3])
        #expect(Self.table((90...95).map { "\($0)" }, size: 7).owners == [2, 5, 0, 3, 4, 1, 0])
        #expect(
            Self.table(["127.0.0.1:90", "127.0.0.1:91"], weights: [1, 2], size: 17).owners
                == [1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1]
        )
    }

    @Test func `the order of the endpoints does not matter`() {
        let keys = (0..<50).map { "10.0.0.\($0):80" }
        let forth = Self.table(keys, size: 1_009).owners.map { keys[Int($0)] }
        let back = Self.table(keys.reversed(), size: 1_009).owners.map { keys[49 - Int($0)] }
        #expect(forth == back)
    }

    @Test func `shares are even, and by weight`() {
        let table = Self.table((0..<10).map { "h\($0)" }, size: 65_537)
        let counts = table.owners.reduce(into: [UInt32: Int]()) { $0[$1, default: 0] += 1 }
        #expect(counts.count == 10)
        #expect(counts.values.allSatisfy { (6_553...6_554).contains($0) })
        let weighted = Self.table(["a", "b"], weights: [1, 3], size: 65_537).owners.count { $0 == 0 }
        #expect((16_384...16_385).contains(weighted))
    }

    @Test(arguments: [2, 3, 7, 65_537, 5_000_011])
    func `a hash is divided as a division would`(size: Int) {
        let table = Self.table(["a", "b", "c"], size: size)
        let random = MeshRandom(seed: 5)
        let hashes = (0..<1_000).map { _ in random.next() } + [0, 1, .max, .max - 1, UInt64(size), UInt64(size) - 1]
        for hash in hashes {
            #expect(table.endpoint(for: hash, attempt: 0) == Int(table.owners[Int(hash % UInt64(size))]))
        }
        // Envoy takes the hash by 2^64 less the number of the attempt.
        #expect(table.endpoint(for: 9, attempt: 1) == Int(table.owners[Int((9 ^ UInt64.max) % UInt64(size))]))
    }

    @Test func `an endpoint that goes moves few hashes but its own`() {
        let keys = (0..<100).map { "10.0.0.\($0):80" }
        let before = Self.table(keys, size: 65_537).owners
        let after = Self.table(Array(keys.dropLast()), size: 65_537).owners
        let moved = zip(before, after).count { $0 != $1 && $0 != 99 }
        #expect(before.count { $0 == 99 } < 660)
        #expect(moved < 65_537 / 20)
    }

    @Test func `picks by the table, and passes over whoever may not be picked`() {
        let fixture = PickerFixture(count: 4)
        let picker = Maglev(tableSize: 101).makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        let first = fixture.pick(picker, 17)
        #expect(fixture.pick(picker, 17 + 101) == first)
        fixture.eject(first ?? 0)
        let second = fixture.pick(picker, 17)
        #expect(second != nil && second != first)
        #expect(fixture.pick(picker, 17) == second)
    }

    @Test(arguments: [0, 1, 4, 65_536, 5_000_012] as [UInt64])
    func `a size that is no prime number in bounds is refused, and never used`(size: UInt64) {
        #expect(throws: ConfigurationError.self) { try Maglev(tableSize: size).validate() }
        let fixture = PickerFixture(count: 2)
        let picker = Maglev(tableSize: size).makePicker(fixture.endpoints, random: MeshRandom(seed: 1))
        #expect(fixture.pick(picker, 1) != nil)
    }

    @Test(arguments: [2, 3, 65_537, 5_000_011] as [UInt64])
    func `a prime number in bounds is accepted`(size: UInt64) throws {
        try Maglev(tableSize: size).validate()
    }
}
