// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct CoalescingStateMachineTests {
    @Test func `a random walk: a flight lives as long as somebody waits for it, and a key has one at most`() {
        let random = MeshRandom(seed: 21)
        var machine = CoalescingStateMachine<UInt64>()
        var flights: [UInt64: (callers: Set<UInt64>, isPinned: Bool)] = [:]
        var joinable: [UInt64: UInt64] = [:]
        var places: [UInt64: UInt64] = [:]
        for step in 0..<120_000 as Range<UInt64> {
            switch random.below(10) {
            case 0...4:
                let (key, isPinned) = (random.below(6), random.below(10) == 0)
                let arrival = machine.callerCame(step, for: key, isPinned: isPinned)
                let flight: UInt64
                switch (arrival, joinable[key]) {
                case (.joins(let number), let known) where number == known: flight = number
                case (.leads(let number), nil) where flights[number] == nil:
                    flight = number
                    flights[number] = ([], isPinned)
                    joinable[key] = number
                default:
                    Issue.record("step \(step): \(arrival) for \(key)")
                    return
                }
                if !isPinned {
                    // Somebody waits for it from now on, so that it ends when nobody does.
                    flights[flight]?.isPinned = false
                    flights[flight]?.callers.insert(step)
                    places[step] = flight
                }
            case 5, 6, 7:
                guard let (caller, flight) = places.randomElement(using: random) else { continue }
                places[caller] = nil
                flights[flight]?.callers.remove(caller)
                let isLast = flights[flight].map { $0.callers.isEmpty && !$0.isPinned } ?? false
                let abandoned = machine.callerLeft(caller)
                guard abandoned == (isLast ? flight : nil) else {
                    Issue.record("step \(step): \(abandoned ?? 0) is abandoned")
                    return
                }
                if isLast {
                    flights[flight] = nil
                    joinable = joinable.filter { $0.value != flight }
                }
            case 8:
                guard let (flight, state) = flights.randomElement(using: random) else { continue }
                let told = machine.flightEnded(flight)
                guard told == state.callers.sorted() else {
                    Issue.record("step \(step): \(told) instead of \(state.callers)")
                    return
                }
                flights[flight] = nil
                joinable = joinable.filter { $0.value != flight }
                for caller in told { places[caller] = nil }
            default:
                let key = random.below(6)
                machine.keyForgotten(key)
                joinable[key] = nil
            }
            guard machine.count == flights.count, machine.callers == places.count else {
                Issue.record("step \(step): \(machine.count) flights, \(machine.callers) callers")
                return
            }
        }
    }

    @Test func `what is not known is nobody's`() {
        var machine = CoalescingStateMachine<String>()
        let (left, told) = (machine.callerLeft(9), machine.flightEnded(9))
        #expect(left == nil)
        #expect(told == [])
        #expect(!machine.isUnderWay(9))
    }
}

extension Dictionary where Key == UInt64 {
    /// An element that depends on nothing but the dictionary's content and the generator.
    fileprivate func randomElement(using random: MeshRandom) -> Element? {
        guard !isEmpty else { return nil }
        let key = keys.sorted()[Int(random.below(UInt64(count)))]
        return self[key].map { (key: key, value: $0) }
    }
}
