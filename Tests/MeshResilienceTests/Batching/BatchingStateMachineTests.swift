// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct BatchingStateMachineTests {
    private typealias Machine = BatchingStateMachine<UInt64>

    @Test func `a random walk: every call is in one batch, answered once or gone by its own will`() {
        let random = MeshRandom(seed: 33)
        var machine = Machine(BatchingConfiguration(maximumBatchSize: 4, maximumWaiting: 30))
        var open: (number: UInt64, calls: [UInt64: UInt64])?
        var underWay: [UInt64: [UInt64: UInt64]] = [:]
        var waiting: [UInt64] = []

        func sent(_ batch: Machine.Batch, _ calls: [UInt64: UInt64]) -> Bool {
            underWay[batch.number] = calls
            open = nil
            return Set(batch.keys) == Set(calls.values) && batch.keys.count == Set(batch.keys).count
                && batch.calls == calls.count && batch.keys.count <= 4
        }

        for step in 0..<120_000 as Range<UInt64> {
            var isRight = true
            switch random.below(9) {
            case 0...3:
                let key = random.below(8)
                let arrival = machine.callCame(step, for: key)
                guard waiting.count < 30 else {
                    isRight = arrival == .refused
                    break
                }
                waiting.append(step)
                switch arrival {
                case .opens(let number):
                    isRight = open == nil
                    open = (number, [step: key])
                case .waits:
                    isRight = open != nil
                    open?.calls[step] = key
                case .fills(let batch):
                    var calls = open?.calls ?? [:]
                    calls[step] = key
                    isRight = batch.reason == .limit && batch.keys.count == 4 && sent(batch, calls)
                case .refused: isRight = false
                }
            case 4, 5:
                guard !waiting.isEmpty else { continue }
                let caller = waiting.remove(at: Int(random.below(UInt64(waiting.count))))
                let departure = machine.callerLeft(caller)
                if open?.calls.removeValue(forKey: caller) != nil {
                    let number = open?.number ?? 0
                    let isLast = open?.calls.isEmpty == true
                    if isLast { open = nil }
                    isRight = departure == (isLast ? .closes(number) : .nothing)
                } else if let number = underWay.first(where: { $0.value[caller] != nil })?.key {
                    underWay[number]?[caller] = nil
                    let isLast = underWay[number]?.isEmpty == true
                    if isLast { underWay[number] = nil }
                    isRight = departure == (isLast ? .abandons(number) : .nothing)
                } else {
                    isRight = false
                }
            case 6:
                let number = open?.number ?? random.below(step + 1)
                let batch = machine.timerFired(number)
                if let (_, calls) = open {
                    isRight = batch.map { $0.reason == .deadline && sent($0, calls) } ?? false
                } else {
                    isRight = batch == nil
                }
            default:
                guard let number = underWay.keys.min(), let calls = underWay.removeValue(forKey: number) else {
                    continue
                }
                let ended = machine.batchEnded(number)
                isRight = Dictionary(uniqueKeysWithValues: ended.map { ($0.caller, $0.key) }) == calls
                waiting.removeAll { calls[$0] != nil }
                isRight = isRight && machine.batchEnded(number).isEmpty
            }
            guard isRight, machine.waiting == waiting.count, machine.batches == underWay.count else {
                Issue.record("step \(step): \(machine.waiting) wait, \(waiting.count) should")
                return
            }
        }
    }

    @Test func `a timer of a batch that was sent means nothing to the one that is collected`() {
        var machine = Machine(BatchingConfiguration(maximumBatchSize: 2))
        let first = machine.callCame(1, for: 1)
        #expect(first == .opens(1))
        _ = machine.callCame(2, for: 2)
        let second = machine.callCame(3, for: 3)
        #expect(second == .opens(2))
        let stale = machine.timerFired(1)
        #expect(stale == nil)
        let unknown = machine.callerLeft(99)
        #expect(unknown == .nothing)
    }
}
