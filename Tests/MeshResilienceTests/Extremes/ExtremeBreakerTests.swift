// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

/// What `validate` accepts must run: ten thousand steps under each configuration, with a clock that jumps.
@Suite struct ExtremeBreakerTests {
    typealias Configuration = CircuitBreakerConfiguration

    private static var fields: [(inout Configuration, Extremes) -> Void] {
        [
            { $0.failureRate = $1.flag ? $1.number : nil }, { $0.minimumCalls = $1.count }, { $0.window = $1.time },
            { $0.openDuration = $1.time }, { $0.probes = $1.count }, { $0.buckets = $1.count },
            { $0.callWindow = $1.count }, { $0.consecutiveFailures = $1.count }, { $0.failureCount = $1.count },
            { $0.minimumSuccessRate = $1.number }, { $0.averageSuccessRate = $1.number }, { $0.averageSpan = $1.count },
            { $0.slowCallRate = $1.number }, { $0.slowCallDuration = $1.time }, { $0.opensOnAnyCall = $1.flag },
            { $0.openGrowth = $1.flag ? .linear : .exponential($1.number) },
            { $0.openJitter = $1.flag ? .additive($1.number) : $1.flag ? .symmetric($1.number) : .equal },
            { $0.maximumOpenDuration = $1.time }, { $0.openSchedule = [$1.time, $1.time] },
            { $0.maximumRetryAfter = $1.time }, { $0.recovery = $1.flag ? .successes($1.count) : .rates },
            { $0.probeInterval = $1.time }, { $0.probeTimeout = $1.time }, { $0.halfOpenLimit = $1.time },
            { $0.closesAfterHalfOpenLimit = $1.flag }, { $0.reopensOnIgnoredProbe = $1.flag },
            { $0.isHalfOpenAutomatic = $1.flag },
            { $0.countsWhileOpen = $1.flag ? .live : .cleared },
            { $0.initialState = $1.flag ? .open : $1.flag ? .halfOpen : .forcedOpen },
            { $0.mode = $1.flag ? .observe : .disabled },
        ]
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `any breaker that is accepted runs, and its figures stay figures`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let configurations = extremes.valid(12, of: Configuration(), Self.fields) { try $0.validate() }
        #expect(configurations.count == 12)
        for configuration in configurations {
            #expect(Self.problem(under: configuration, extremes) == nil, "\(configuration)")
        }
    }

    private static func problem(under configuration: Configuration, _ extremes: Extremes) -> String? {
        let random = extremes.random
        var now = extremes.start
        var breaker = CircuitBreakerStateMachine(configuration, at: now)
        var permits: [UInt64] = []
        for step in 0..<10_000 {
            now = now.advanced(by: extremes.step)
            switch random.below(100) {
            case 0..<50:
                if case .admitted(let permit) = breaker.callWanted(at: now, using: random), permit != 0 {
                    permits.append(permit)
                }
            case 50..<96:
                // Now and then a permit is used twice, or one that never was.
                let position = Int(random.below(UInt64(permits.count + 1)))
                let permit = position < permits.count ? permits[position] : random.next()
                if position < permits.count, random.below(20) != 0 { permits.remove(at: position) }
                let ending = CircuitBreakerStateMachine.Ending(
                    [.success, .failure, .failure, .ignored][Int(random.below(4))],
                    isOverload: random.below(5) == 0,
                    duration: extremes.time,
                    retryAfter: extremes.flag ? extremes.time : nil
                )
                breaker.callEnded(ending, permit: permit, at: now, using: random)
            case 96: breaker.timePassed(at: now, using: random)
            case 97: breaker.forcingChanged(to: .init(rawValue: UInt8(random.below(4))), at: now)
            case 98: breaker.openingWanted(for: extremes.flag ? extremes.time : nil, at: now, using: random)
            default:
                switch random.below(4) {
                case 0: breaker.closingWanted(at: now)
                case 1: _ = breaker.probingWanted(at: now)
                case 2: breaker.modeChanged(to: [.enforce, .observe, .disabled][Int(random.below(3))], at: now)
                default: breaker.reset(at: now)
                }
            }
            if let problem = Self.problem(in: breaker.metrics(at: now)) { return "step \(step): \(problem)" }
        }
        return nil
    }

    private static func problem(in metrics: CircuitBreakerMetrics) -> String? {
        let isOrdered = 0 <= metrics.failures && metrics.failures <= metrics.calls && metrics.slowCalls <= metrics.calls
        if !isOrdered || metrics.slowCalls < 0 || metrics.probesOut < 0 { return "\(metrics)" }
        let rates = [metrics.failureRate, metrics.slowCallRate, metrics.averageSuccessRate].compactMap { $0 }
        // The rounding of an average may leave the last bit above one.
        return rates.allSatisfy { $0 >= 0 && $0 <= 1.000_000_001 } ? nil : "\(metrics)"
    }
}
