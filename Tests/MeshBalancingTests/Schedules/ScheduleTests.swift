// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite struct ScheduleTests {
    private func strides(_ weights: [UInt32], _ count: Int) -> [Int] {
        let schedule = StrideSchedule(weights)
        var sequence: UInt64 = 0
        return (0..<count).map { _ in
            schedule.entry {
                defer { sequence += 1 }
                return sequence
            }
        }
    }

    private func counts(_ turns: [Int], of count: Int) -> [Int] {
        turns.reduce(into: Array(repeating: 0, count: count)) { $0[$1] += 1 }
    }

    @Test(arguments: [[1, 1, 1], [1, 2, 3], [1, 10, 100], [7, 7, 1], [100]] as [[UInt32]])
    func `strides take each in proportion to its weight`(weights: [UInt32]) {
        let sum = Int(weights.reduce(0, +))
        let counts = counts(strides(weights, sum * 100), of: weights.count)
        for (count, weight) in zip(counts, weights) { #expect(abs(count - Int(weight) * 100) <= 2, "\(counts)") }
    }

    @Test func `strides are even at any time`() {
        let turns = strides([1, 2, 3], 600)
        for start in stride(from: 0, to: 600, by: 12) {
            let counts = counts(Array(turns[start..<start + 12]), of: 3)
            for (count, expected) in zip(counts, [2, 4, 6]) { #expect(abs(count - expected) <= 1, "\(counts)") }
        }
    }

    // gRFC A58: nobody starves, and a pick looks at each entry once at most.
    @Test func `the lightest has its turn, and a pick is bounded`() {
        let schedule = StrideSchedule([.max, 1, 1])
        var sequence: UInt64 = 0
        var found: Set<Int> = []
        for _ in 0..<140_000 {
            let before = sequence
            found.insert(
                schedule.entry {
                    defer { sequence += 1 }
                    return sequence
                }
            )
            #expect(sequence - before <= 3)
        }
        #expect(found == [0, 1, 2])
    }

    private func deadlines(_ weights: [Double], _ count: Int) -> [Int] {
        var schedule = DeadlineSchedule(weights)
        return (0..<count).compactMap { _ in schedule.next(where: { _ in true }, weight: { weights[$0] }) }
    }

    @Test(arguments: [[1, 1, 1], [1, 2, 3], [1, 10, 100], [0.5, 0.25], [1e-6, 1]] as [[Double]])
    func `deadlines give each its part`(weights: [Double]) {
        let sum = weights.reduce(0, +)
        let turns = deadlines(weights, 20_000)
        for (count, weight) in zip(counts(turns, of: weights.count), weights) {
            #expect(abs(Double(count) - 20_000 * weight / sum) <= 1)
        }
    }

    // Envoy's `EdfScheduler`: of equal deadlines the one that was added first.
    @Test func `equals go in their order`() {
        #expect(deadlines([1, 1, 1], 6) == [0, 1, 2, 0, 1, 2])
        #expect(deadlines([1, 2], 6) == [1, 0, 1, 1, 0, 1])
    }

    @Test func `a turn that is not taken counts, and when nobody takes one there is none`() {
        var schedule = DeadlineSchedule([1, 1])
        let only = (0..<4).map { _ in schedule.next(where: { $0 == 1 }, weight: { _ in 1 }) }
        #expect(only == [1, 1, 1, 1])
        #expect(schedule.next(where: { _ in false }, weight: { _ in 1 }) == nil)
        var empty = DeadlineSchedule([])
        #expect(empty.next(where: { _ in true }, weight: { _ in 1 }) == nil)
    }

    @Test func `times that grow without end begin anew`() {
        var schedule = DeadlineSchedule([1e-6, 1e-6])
        let turns = (0..<5_000).compactMap { _ in schedule.next(where: { _ in true }, weight: { _ in 1e-6 }) }
        #expect(counts(turns, of: 2) == [2_500, 2_500])
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a heap is what a look at all of them is`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        let weights = (0..<17).map { _ in Double(1 + random.below(50)) }
        var schedule = DeadlineSchedule(weights)
        var naive = weights.enumerated().map { (deadline: 1 / $1, order: $0) }
        var order = weights.count
        for _ in 0..<100_000 {
            let expected = naive.indices.min {
                (naive[$0].deadline, naive[$0].order) < (naive[$1].deadline, naive[$1].order)
            }
            let weight = Double(1 + random.below(50))
            let found = schedule.next(where: { _ in true }, weight: { _ in weight })
            #expect(found == expected)
            guard let found else { return }
            naive[found].deadline += 1 / weight
            naive[found].order = order
            order += 1
        }
    }
}
