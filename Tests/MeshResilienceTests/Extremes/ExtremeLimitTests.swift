// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

/// What `validate` accepts must run: ten thousand steps under each configuration, with a clock that jumps.
@Suite struct ExtremeLimitTests {
    typealias Algorithm = AdaptiveLimitConfiguration.Algorithm

    private static func fields(_ seed: UInt64) -> [(inout AdaptiveLimitConfiguration, Extremes) -> Void] {
        [
            { $0.algorithm = .aimd(aimd($1)) }, { $0.algorithm = .vegas(vegas($1)) },
            { $0.algorithm = .gradient2(gradient2($1)) }, { $0.algorithm = .envoyGradient(envoyGradient($1)) },
            { $0.algorithm = .correlatedVegas(correlatedVegas($1)) },
            {
                $0.window =
                    $1.flag
                    ? nil
                    : LimitWindow(length: $1.time, greatestLength: $1.time, leastSamples: $1.count, leastRTT: $1.time)
            },
        ]
    }

    private static func aimd(_ extremes: Extremes) -> AIMDLimit.Configuration {
        let fields: [(inout AIMDLimit.Configuration, Extremes) -> Void] = [
            { $0.initial = $1.count }, { $0.minimum = $1.count }, { $0.maximum = $1.count },
            { $0.increment = $1.number }, { $0.backoff = $1.number }, { $0.backoffAtMaximum = $1.number },
            { $0.timeout = $1.time }, { $0.growsOnlyWhenUsed = $1.flag }, { $0.cooldown = $1.time },
        ]
        return one(AIMDLimit.Configuration(), fields, extremes) { .aimd($0) }
    }

    private static func vegas(_ extremes: Extremes) -> VegasLimit.Configuration {
        let fields: [(inout VegasLimit.Configuration, Extremes) -> Void] = [
            { $0.initial = $1.count }, { $0.minimum = $1.count }, { $0.maximum = $1.count },
            { $0.alpha = $1.flag ? .fixed($1.number) : .logarithmic($1.number) },
            { $0.beta = $1.flag ? .fixed($1.number) : .logarithmic($1.number) },
            { $0.decrease = .factor($1.number) }, { $0.smoothing = $1.number }, { $0.probeMultiplier = $1.number },
        ]
        return one(VegasLimit.Configuration(), fields, extremes) { .vegas($0) }
    }

    private static func gradient2(_ extremes: Extremes) -> Gradient2Limit.Configuration {
        let fields: [(inout Gradient2Limit.Configuration, Extremes) -> Void] = [
            { $0.initial = $1.count }, { $0.minimum = $1.count }, { $0.maximum = $1.count },
            { $0.smoothing = $1.number }, { $0.queue = $1.number }, { $0.longWindow = $1.count },
            { $0.tolerance = $1.number },
        ]
        return one(Gradient2Limit.Configuration(), fields, extremes) { .gradient2($0) }
    }

    private static func envoyGradient(_ extremes: Extremes) -> EnvoyGradientLimit.Configuration {
        let fields: [(inout EnvoyGradientLimit.Configuration, Extremes) -> Void] = [
            { $0.percentile = $1.number }, { $0.maximum = $1.count }, { $0.updateInterval = $1.time },
            { $0.measureInterval = $1.time }, { $0.measureCalls = $1.count }, { $0.jitter = $1.number },
            { $0.measureLimit = $1.count }, { $0.minimum = $1.count }, { $0.fixedIdle = $1.time },
            { $0.buffer = $1.number }, { $0.windowsAtMinimum = $1.count },
        ]
        return one(EnvoyGradientLimit.Configuration(), fields, extremes) { .envoyGradient($0) }
    }

    private static func correlatedVegas(_ extremes: Extremes) -> CorrelatedVegasLimit.Configuration {
        let fields: [(inout CorrelatedVegasLimit.Configuration, Extremes) -> Void] = [
            { $0.initial = $1.count }, { $0.minimum = $1.count }, { $0.maximum = $1.count },
            { $0.maximumFactor = $1.number }, { $0.leastWindow = $1.time }, { $0.greatestWindow = $1.time },
            { $0.leastSamples = $1.count }, { $0.percentile = $1.number }, { $0.baselineAge = $1.count },
            // Each window costs as many steps as it is long, so that the longest have no place in a quick test.
            { $0.correlationWindow = min($1.count, 255) },
        ]
        return one(CorrelatedVegasLimit.Configuration(), fields, extremes) { .correlatedVegas($0) }
    }

    /// A valid configuration of an algorithm, which only the whole configuration can check.
    private static func one<Configuration>(
        _ standard: Configuration,
        _ fields: [(inout Configuration, Extremes) -> Void],
        _ extremes: Extremes,
        _ algorithm: @escaping (Configuration) -> Algorithm
    ) -> Configuration {
        extremes.valid(1, of: standard, fields) {
            try AdaptiveLimitConfiguration(algorithm: algorithm($0)).validate()
        }.first ?? standard
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `any adaptive limit that is accepted runs, and stays within what can be counted`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let configurations = extremes.valid(20, of: AdaptiveLimitConfiguration(), Self.fields(seed)) {
            try $0.validate()
        }
        #expect(configurations.count == 20)
        for configuration in configurations {
            var algorithm = configuration.algorithm.begin(window: configuration.window)
            var now = extremes.start
            var bad: Int?
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                let sample = LimitSample(
                    rtt: random.below(4) == 0 ? extremes.time : Nanoseconds(rawValue: random.below(100_000_000)),
                    inFlight: random.below(10) == 0 ? max(extremes.count, 1) : 1 + Int(random.below(50)),
                    isDrop: random.below(10) == 0,
                    endedAt: now
                )
                let limit = algorithm.sampled(sample, using: random)
                if limit != algorithm.limit || !(1..<1 << 24).contains(limit) { bad = bad ?? limit }
            }
            #expect(bad == nil, "\(configuration)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any bulkhead that is accepted runs, and keeps its invariants`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let fields: [(inout BulkheadConfiguration, Extremes) -> Void] = [
            { $0.maximumConcurrent = $1.count }, { $0.maximumQueued = $1.count }, { $0.maximumWait = $1.time },
            { $0.order = $1.flag ? .lifo : .controlledDelay(target: $1.time, interval: $1.time) },
        ]
        for configuration in extremes.valid(15, of: BulkheadConfiguration(), fields, { try $0.validate() }) {
            var bulkhead = BulkheadStateMachine(configuration)
            var (now, isGood, held) = (extremes.start, true, 0)
            var waiting: [BulkheadStateMachine.WaiterID] = []
            for step in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                switch random.below(10) {
                case 0..<4:
                    switch bulkhead.callWanted(at: now, deadline: Deadline(extremes.time, after: now)) {
                    case .admitted: held += 1
                    case .queued(let id, _, _): waiting.append(id)
                    case .refused: break
                    }
                case 4, 5: if !waiting.isEmpty { _ = bulkhead.waiterLeft(waiting.removeLast()) }
                case 6: if let first = waiting.first { _ = bulkhead.waiterTimedOut(first) }
                case 7: _ = bulkhead.limitChanged(to: extremes.count)
                default:
                    guard held > 0 else { continue }
                    held -= 1
                    _ = bulkhead.placeReturned()
                    while let settlement = bulkhead.nextSettlement(at: now) {
                        if case .admitted = settlement { held += 1 }
                    }
                }
                // The check walks the queue.
                if step % 100 == 0 { isGood = isGood && bulkhead.checkInvariants() && bulkhead.inFlight >= held }
                if waiting.count > 200 { waiting.removeFirst(100) }
            }
            #expect(isGood, "\(configuration)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any admission control that is accepted runs, and refuses a share`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let fields: [(inout AdmissionControlConfiguration, Extremes) -> Void] = [
            {
                $0.algorithm = .successRate(
                    .init(
                        threshold: $1.flag ? $1.number : 0.95,
                        aggression: $1.flag ? $1.number : 1,
                        window: $1.flag ? $1.time : .seconds(30),
                        buckets: $1.flag ? $1.count : 30,
                        minimumRate: $1.flag ? $1.number : 0,
                        countsRefusals: $1.flag
                    )
                )
            },
            {
                $0.algorithm = .nack(
                    .init(
                        threshold: $1.flag ? $1.number : 0.5,
                        window: $1.flag ? $1.time : .seconds(120),
                        minimumRate: $1.flag ? $1.count : 5
                    )
                )
            },
            { $0.maximumRefusal = $1.number },
        ]
        let configurations = extremes.valid(15, of: AdmissionControlConfiguration(), fields) { try $0.validate() }
        #expect(configurations.count == 15)
        for configuration in configurations {
            var now = extremes.start
            var control = AdmissionControlStateMachine(configuration, at: now)
            var isGood = true
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                if control.callWanted(at: now, using: random) {
                    control.callEnded([.success, .failure, .ignored][Int(random.below(3))], at: now)
                } else {
                    control.callRefused(at: now)
                }
                isGood = isGood && (0...configuration.maximumRefusal).contains(control.refusalShare(at: now))
            }
            #expect(isGood, "\(configuration)")
        }
    }
}
