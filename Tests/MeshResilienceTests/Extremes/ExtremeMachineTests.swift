// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// What `validate` accepts must run: ten thousand steps under each configuration, with a clock that jumps.
@Suite struct ExtremeMachineTests {
    @Test(arguments: [1, 2] as [UInt64])
    func `any load shedder that is accepted runs, and refuses a share`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let fields: [(inout LoadShedderConfiguration, Extremes) -> Void] = [
            { $0.capacity = $1.count }, { $0.queueFrom = $1.number }, { $0.queueTo = $1.number },
            { $0.delayFrom = $1.time }, { $0.delayTo = $1.time }, { $0.delayInterval = $1.time },
            { $0.loadTrigger = $1.number }, { $0.loadWindow = $1.time }, { $0.memory = $1.time },
        ]
        let configurations = extremes.valid(15, of: LoadShedderConfiguration(capacity: 5), fields) {
            try $0.validate()
        }
        #expect(configurations.count == 15)
        for configuration in configurations {
            var (machine, now, isGood) = (LoadShedderStateMachine(configuration), extremes.start, true)
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                switch random.below(10) {
                case 0..<5:
                    let call = LoadShedderStateMachine.Call(
                        Criticality.allCases[Int(random.below(4))],
                        user: extremes.flag ? random.below(1_000) &* 0x9E37_79B9_7F4A_7C15 : nil,
                        chance: random.below(20) == 0 ? extremes.count / 2 : Int(random.below(100))
                    )
                    _ = machine.callWanted(call, load: extremes.number, signal: extremes.number, at: now)
                case 5..<8: machine.callEnded(latency: extremes.flag ? extremes.time : nil, at: now)
                case 8: machine.waited(extremes.time, at: now)
                default: machine.capacityChanged(to: extremes.flag ? nil : extremes.count)
                }
                isGood = isGood && (0...1).contains(machine.refusalShare(signal: extremes.number, at: now))
            }
            #expect(isGood, "\(configuration)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any hedging delay that is accepted runs, and stays within its bounds`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let fields: [(inout HedgingPercentile, Extremes) -> Void] = [
            { $0.percentile = $1.number }, { $0.minimumDelay = $1.time }, { $0.highestTrackable = $1.time },
            { $0.minimumCalls = $1.count }, { $0.slices = $1.count }, { $0.sliceDuration = $1.time },
            { $0.refreshInterval = $1.time },
        ]
        let percentiles = extremes.valid(15, of: HedgingPercentile(), fields) {
            try HedgingConfiguration(delay: .percentile($0)).validate()
        }
        #expect(percentiles.count == 15)
        for percentile in percentiles {
            var (now, isGood) = (extremes.start, true)
            var delays = HedgingDelayStateMachine(.percentile(percentile), at: now)
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                delays.attemptEnded(after: extremes.time, at: now)
                // The highest bucket ends at most a thirty-second above the highest latency that is told apart.
                let highest = percentile.highestTrackable
                let bound = highest.advanced(byShare: 0.04)
                if let delay = delays.currentDelay(at: now) {
                    isGood = isGood && delay >= percentile.minimumDelay && delay <= bound
                }
            }
            #expect(isGood, "\(percentile)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `timers for any instant fire once, never early, and in order of their milliseconds`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        for _ in 0..<8 {
            var now = extremes.start
            var wheel = TimerWheelStateMachine<(id: UInt64, until: MeshInstant)>(at: now)
            var armed: [UInt64: TimerTicket] = [:]
            var (isGood, armedEver) = (true, 0 as UInt64)
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                switch random.below(4) {
                case 0, 1:
                    armedEver += 1
                    let deadline = now.advanced(by: extremes.time)
                    armed[armedEver] = wheel.timerArmed((armedEver, deadline), until: deadline, at: now)
                case 2:
                    guard let (id, ticket) = armed.first else { continue }
                    isGood = isGood && wheel.timerCancelled(ticket)?.id == id
                    armed[id] = nil
                default:
                    wheel.timePassed(at: now) { payload in
                        isGood = isGood && armed.removeValue(forKey: payload.id) != nil && payload.until <= now
                    }
                    isGood = isGood && (wheel.nextWake.map { $0 > now } ?? true || now.nanoseconds > .max - 2_000_000)
                }
                isGood = isGood && wheel.count == armed.count
            }
            #expect(isGood)
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any cache that is accepted runs, within what it may keep`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let fields: [(inout ResponseCacheConfiguration, Extremes) -> Void] = [
            { $0.timeToLive = $1.time }, { $0.maximumEntries = $1.count }, { $0.maximumCost = $1.count },
            { $0.staleIfError = $1.time }, { $0.staleWhileRevalidate = $1.time },
        ]
        let standard = ResponseCacheConfiguration(timeToLive: .seconds(1))
        for configuration in extremes.valid(15, of: standard, fields, { try $0.validate() }) {
            var (cache, now, isGood) = (ResponseCacheStateMachine<UInt64, Int>(configuration), extremes.start, true)
            for step in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                let key = random.below(50)
                switch random.below(20) {
                case 0..<10: _ = cache.lookedUp(key, at: now)
                case 10..<18: cache.answered(key, step, cost: extremes.count, askedIn: cache.epoch, at: now)
                case 18: cache.invalidated(key)
                default: if random.below(50) == 0 { cache.invalidatedAll() }
                }
                let isBounded = cache.count <= configuration.maximumEntries
                isGood = isGood && isBounded && (0...(configuration.maximumCost ?? .max)).contains(cache.cost)
            }
            #expect(isGood, "\(configuration)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any fault that is accepted is drawn within its bounds, and any filter of expired requests runs`(seed: UInt64)
    {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let fields: [(inout FaultConfiguration.Delay, Extremes) -> Void] = [
            { $0.duration = $1.time }, { $0.upTo = $1.flag ? $1.time : nil },
        ]
        let standard = FaultConfiguration.Delay(duration: .seconds(1), percentage: .init(percent: 100))
        for delay in extremes.valid(20, of: standard, fields, { try FaultConfiguration(delay: $0).validate() }) {
            for _ in 0..<10_000 {
                let decision = FaultDecision(FaultConfiguration(delay: delay), for: InMemoryRequest(), using: random)
                let isGood = decision.delay.map { $0 >= delay.duration && $0 <= delay.upTo ?? delay.duration } ?? false
                guard isGood else {
                    Issue.record("\(decision) of \(delay)")
                    break
                }
            }
        }
        let shares: [(inout ExpiredRequestConfiguration, Extremes) -> Void] = [
            { $0.maximumShare = $1.number }, { $0.period = $1.time },
        ]
        for configuration in extremes.valid(10, of: ExpiredRequestConfiguration(), shares, { try $0.validate() }) {
            var (machine, now, refused) = (ExpiredRequestStateMachine(configuration), extremes.start, 0)
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                let deadline = Deadline(MeshInstant(nanoseconds: extremes.time.rawValue))
                if case .refused = machine.requestReceived(deadline: deadline, at: now) { refused += 1 }
            }
            #expect(Double(refused) <= configuration.maximumShare * 10_000 + 1, "\(configuration)")
        }
    }
}

extension Nanoseconds {
    fileprivate func advanced(byShare share: Double) -> Nanoseconds {
        Nanoseconds(rawValue: UInt64(min(Double(rawValue) * (1 + share), 1.8e19)))
    }
}
