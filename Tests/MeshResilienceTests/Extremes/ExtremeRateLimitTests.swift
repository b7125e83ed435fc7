// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

/// What `validate` accepts must run: ten thousand steps under each configuration, with a clock that jumps.
@Suite struct ExtremeRateLimitTests {
    private static var fields: [(inout RateLimitConfiguration, Extremes) -> Void] {
        [
            { $0.maximumTokens = $1.count }, { $0.tokensPerFill = $1.count }, { $0.fillInterval = $1.time },
            { $0.maximumWait = $1.time },
            { configuration, extremes in
                configuration.algorithm = extremes.flag ? .smooth : extremes.flag ? .slidingWindow : .slidingLog
            },
            { configuration, extremes in
                configuration.tokensPerFill = extremes.count
                configuration.maximumTokens = configuration.tokensPerFill
            },
        ]
    }

    private static func configurations(_ extremes: Extremes) -> [RateLimitConfiguration] {
        extremes.valid(12, of: RateLimitConfiguration(rate: 5, per: .seconds(1)), fields) { try $0.validate() }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `any rate limit that is accepted runs, and gives no turn before or after its time`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let configurations = Self.configurations(extremes)
        #expect(configurations.count == 12)
        for configuration in configurations {
            #expect(Self.problem(under: configuration, extremes) == nil, "\(configuration)")
        }
    }

    private static func problem(under configuration: RateLimitConfiguration, _ extremes: Extremes) -> String? {
        let random = extremes.random
        var now = extremes.start
        var limit = RateLimitStateMachine(configuration, at: now)
        var places: [RateLimitPlace] = []
        for step in 0..<10_000 {
            now = now.advanced(by: extremes.step)
            if !places.isEmpty, random.below(3) == 0 {
                limit.placeGivenBack(places.remove(at: Int(random.below(UInt64(places.count)))), at: now)
                continue
            }
            let permits = random.below(10) == 0 ? extremes.count : 1
            let latest = now.advanced(by: min(configuration.maximumWait, extremes.time))
            switch limit.permitsWanted(permits, at: now, until: latest) {
            case .granted(let place):
                if place.readyAt > now { return "step \(step): granted, and ready at \(place.readyAt)" }
                if random.below(2) == 0 { places.append(place) }
            case .reserved(let place):
                if place.readyAt > latest { return "step \(step): reserved beyond \(latest): \(place.readyAt)" }
                places.append(place)
            case .refused: break
            }
            if limit.available(at: now) > configuration.maximumTokens { return "step \(step): too many permits" }
            _ = limit.wait(for: permits, at: now)
            if places.count > 64 { places.removeFirst(32) }
        }
        return nil
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any keyed limit that is accepted runs, in the room that it has`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        for limit in Self.configurations(extremes) {
            let configuration = KeyedRateLimitConfiguration(limit: limit, maximumKeys: 1 + Int(random.below(20)))
            var now = extremes.start
            var machine = KeyedRateLimitStateMachine<UInt64>(configuration, at: now)
            var places: [(key: UInt64, place: RateLimitPlace, isShared: Bool)] = []
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                if let last = places.last, random.below(3) == 0 {
                    machine.placeGivenBack(last.place, for: last.key, isShared: last.isShared, at: now)
                    places.removeLast()
                }
                let key = random.below(40)
                let latest = now.advanced(by: limit.maximumWait)
                let answer = machine.permitsWanted(1, for: key, at: now, until: latest)
                switch answer.turn {
                case .granted(let place), .reserved(let place): places.append((key, place, answer.isShared))
                case .refused: break
                }
                _ = machine.available(for: key, at: now)
                if places.count > 64 { places.removeFirst(32) }
            }
            #expect(machine.count <= configuration.maximumKeys)
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any adaptive rate limit that is accepted runs, at a rate that is a number`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let fields: [(inout AdaptiveRateLimitConfiguration, Extremes) -> Void] = [
            { $0.beta = $1.number }, { $0.scale = $1.number }, { $0.smoothing = $1.number },
            { $0.minimumRate = $1.number }, { $0.minimumBurst = $1.number }, { $0.measurement = $1.time },
            { $0.maximumWait = $1.time },
        ]
        let configurations = extremes.valid(12, of: AdaptiveRateLimitConfiguration(), fields) { try $0.validate() }
        #expect(configurations.count == 12)
        for configuration in configurations {
            var now = extremes.start
            var limit = AdaptiveRateLimitStateMachine(configuration, at: now)
            var isGood = true
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                switch random.below(6) {
                case 0: limit.responseReceived(isThrottled: random.below(10) == 0, at: now)
                case 1: limit.permitGivenBack(at: now)
                default: _ = limit.permitWanted(at: now, until: now.advanced(by: configuration.maximumWait))
                }
                let isRate = limit.rate.isFinite && limit.measuredRate.isFinite && limit.measuredRate >= 0
                isGood = isGood && isRate && (!limit.isLimiting || limit.rate >= configuration.minimumRate)
            }
            #expect(isGood, "\(configuration)")
        }
    }
}
