// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct ResponseCacheStateMachineTests {
    private typealias Machine = ResponseCacheStateMachine<Int, Int>

    /// What a lookup finds, as something that can be compared.
    private enum Found: Hashable {
        case nothing
        case fresh(Int)
        case stale(Int, atOnce: Bool, onFailure: Bool)
    }

    private static func look(_ machine: inout Machine, _ key: Int, _ seconds: UInt64) -> Found {
        switch machine.lookedUp(key, at: MeshInstant(nanoseconds: seconds * 1_000_000_000)) {
        case .nothing: .nothing
        case .fresh(let value): .fresh(value)
        case .stale(let value, let atOnce, let onFailure): .stale(value, atOnce: atOnce, onFailure: onFailure)
        }
    }

    private static func keep(_ machine: inout Machine, _ key: Int, _ value: Int, cost: Int = 1, _ seconds: UInt64) {
        let now = MeshInstant(nanoseconds: seconds * 1_000_000_000)
        machine.answered(key, value, cost: cost, askedIn: machine.epoch, at: now)
    }

    @Test func `an answer is fresh for its time, then stale for as long as each use allows, then gone`() {
        var machine = Machine(
            ResponseCacheConfiguration(
                timeToLive: .seconds(10),
                staleIfError: .seconds(20),
                staleWhileRevalidate: .seconds(5)
            )
        )
        Self.keep(&machine, 1, 7, 100)
        let ages: [(UInt64, Found)] = [
            (100, .fresh(7)), (109, .fresh(7)), (110, .stale(7, atOnce: true, onFailure: true)),
            (114, .stale(7, atOnce: true, onFailure: true)), (115, .stale(7, atOnce: false, onFailure: true)),
            (129, .stale(7, atOnce: false, onFailure: true)), (130, .nothing), (100, .nothing),
        ]
        for (second, expected) in ages {
            let found = Self.look(&machine, 1, second)
            #expect(found == expected, "at \(second) s")
        }
        #expect(machine.count == 0)
    }

    @Test func `an answer that is not kept ends the one that is, unless it was asked for before an invalidation`() {
        var machine = Machine(ResponseCacheConfiguration(timeToLive: .seconds(10)))
        let old = machine.epoch
        machine.invalidated(2)
        Self.keep(&machine, 1, 7, 0)
        machine.superseded(1, askedIn: old)
        #expect(Self.look(&machine, 1, 1) == .fresh(7))
        machine.superseded(2, askedIn: machine.epoch)
        machine.superseded(1, askedIn: machine.epoch)
        #expect(Self.look(&machine, 1, 1) == .nothing)
        #expect(machine.count == 0 && machine.cost == 0)
    }

    @Test func `the least recently used answer makes room`() {
        var machine = Machine(ResponseCacheConfiguration(timeToLive: .seconds(10), maximumEntries: 3))
        for key in 1...3 { Self.keep(&machine, key, key, 0) }
        _ = Self.look(&machine, 1, 1)
        Self.keep(&machine, 4, 4, 1)
        #expect(machine.keysByUse == [4, 1, 3])
        Self.keep(&machine, 3, 33, 1)
        #expect(machine.keysByUse == [3, 4, 1])
        #expect(machine.count == 3)
    }

    @Test func `answers cost no more together than they may, and one that costs more is not kept`() {
        var machine = Machine(ResponseCacheConfiguration(timeToLive: .seconds(10), maximumCost: 10))
        Self.keep(&machine, 1, 1, cost: 4, 0)
        Self.keep(&machine, 2, 2, cost: 4, 0)
        Self.keep(&machine, 3, 3, cost: 4, 0)
        #expect(machine.keysByUse == [3, 2])
        #expect(machine.cost == 8)
        Self.keep(&machine, 3, 30, cost: 11, 0)
        #expect(machine.keysByUse == [2], "the old answer is out of date and the new one too large")
        Self.keep(&machine, 4, 4, cost: .min, 0)
        #expect(machine.cost == 4)
        Self.keep(&machine, 5, 5, cost: 10, 0)
        #expect(machine.keysByUse == [5, 4], "what costs nothing is in nobody's way")
    }

    @Test func `an answer that was asked for before an invalidation is not kept`() {
        var machine = Machine(ResponseCacheConfiguration(timeToLive: .seconds(10)))
        let epoch = machine.epoch
        machine.invalidated(1)
        machine.answered(1, 7, cost: 1, askedIn: epoch, at: MeshInstant(nanoseconds: 0))
        #expect(machine.count == 0)
        Self.keep(&machine, 1, 8, 0)
        machine.invalidatedAll()
        let found = Self.look(&machine, 1, 0)
        #expect(found == .nothing)
        #expect(machine.cost == 0)
    }

    @Test func `extreme times neither overflow nor trap`() {
        var machine = Machine(
            ResponseCacheConfiguration(timeToLive: .forever, staleIfError: .forever, staleWhileRevalidate: .forever)
        )
        machine.answered(1, 7, cost: .max, askedIn: 0, at: MeshInstant(nanoseconds: 0))
        guard case .fresh(7) = machine.lookedUp(1, at: MeshInstant(nanoseconds: .max - 1)) else {
            Issue.record("a life without end has ended")
            return
        }
        // An age of the last instant is not below a life of the last instant: it is over, and no trap.
        guard case .nothing = machine.lookedUp(1, at: MeshInstant(nanoseconds: .max)) else {
            Issue.record("a life has outlived time")
            return
        }
        #expect(machine.count == 0)
        #expect(machine.cost == 0)
    }

    @Test func `a random walk agrees with a list in the order of use`() {
        let random = MeshRandom(seed: 4)
        let configuration = ResponseCacheConfiguration(
            timeToLive: .seconds(10),
            maximumEntries: 20,
            maximumCost: 60,
            staleIfError: .seconds(20),
            staleWhileRevalidate: .seconds(5)
        )
        var machine = Machine(configuration)
        var model: [(key: Int, value: Int, cost: Int, storedAt: UInt64)] = []
        var now: UInt64 = 0
        for step in 0..<100_000 {
            if random.below(4) == 0 { now += random.below(3) }
            let key = Int(random.below(40))
            let position = model.firstIndex { $0.key == key }
            switch random.below(20) {
            case 0...9:
                let found = Self.look(&machine, key, now)
                var expected = Found.nothing
                if let position {
                    let entry = model[position]
                    let age = now - entry.storedAt
                    if age < 10 {
                        expected = .fresh(entry.value)
                        model.remove(at: position)
                        model.insert(entry, at: 0)
                    } else if age < 30 {
                        expected = .stale(entry.value, atOnce: age < 15, onFailure: true)
                    } else {
                        model.remove(at: position)
                    }
                }
                guard found == expected else {
                    Issue.record("step \(step): found \(found) instead of \(expected)")
                    return
                }
            case 10...17:
                let cost = Int(random.below(12))
                Self.keep(&machine, key, step, cost: cost, now)
                if let position { model.remove(at: position) }
                while model.count >= 20 || model.reduce(0, { $0 + $1.cost }) + cost > 60 { model.removeLast() }
                model.insert((key, step, cost, now), at: 0)
            case 18:
                machine.invalidated(key)
                if let position { model.remove(at: position) }
            default:
                guard random.below(100) == 0 else { continue }
                machine.invalidatedAll()
                model = []
            }
            guard machine.keysByUse == model.map(\.key), machine.cost == model.reduce(0, { $0 + $1.cost }) else {
                Issue.record("step \(step): \(machine.keysByUse) instead of \(model.map(\.key))")
                return
            }
        }
    }
}
