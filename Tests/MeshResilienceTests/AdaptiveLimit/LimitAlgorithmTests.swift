// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct LimitAlgorithmTests {
    // MARK: Vegas

    private func vegas() -> LimitDrive<VegasLimit> {
        var drive = LimitDrive(VegasLimit(.init(initial: 10, maximum: 20, alpha: .fixed(3), beta: .fixed(6))))
        #expect(drive.call(10, inFlight: 10) == 10, "the first call only sets the shortest latency")
        return drive
    }

    @Test(arguments: [(UInt64(10), 16), (50, 9), (14, 10)])
    func `row 119: Vegas grows by beta without a queue, shrinks above beta, holds in between`(
        milliseconds: UInt64,
        expected: Int
    ) {
        var drive = vegas()
        #expect(drive.call(milliseconds, inFlight: 11) == expected)
    }

    @Test(arguments: [(0.5, [75, 56]), (1.0, [50, 25])])
    func `row 120: Vegas halves a limit of 100 on drops, by as much as its smoothing says`(
        smoothing: Double,
        expected: [Int]
    ) {
        var drive = LimitDrive(
            VegasLimit(.init(initial: 100, maximum: 200, decrease: .factor(0.5), smoothing: smoothing))
        )
        #expect(drive.call(10, inFlight: 100) == 100)
        #expect((0..<2).map { _ in drive.call(10, inFlight: 100, isDrop: true) } == expected)
    }

    @Test func `Vegas does not grow a limit that nobody reaches`() {
        var drive = vegas()
        #expect(drive.call(10, inFlight: 4) == 10)
    }

    @Test func `a drop that comes back at once is not Vegas's shortest latency`() {
        var drive = vegas()
        #expect(drive.call(1, inFlight: 10, isDrop: true) == 9)
        #expect(drive.call(10, inFlight: 10) == 15, "10 ms is the shortest still, so that there is no queue")
    }

    @Test func `Vegas measures the shortest latency anew after 15 to 30 calls for each of the limit`() {
        var probed = LimitDrive(VegasLimit(.init(initial: 10, maximum: 10)))
        probed.call(1, inFlight: 1)
        for _ in 0..<300 { probed.call(100, inFlight: 1) }
        #expect(probed.call(100, inFlight: 10) == 10, "after 300 calls the long latency is the normal one")
        var early = LimitDrive(VegasLimit(.init(initial: 10, maximum: 10)))
        early.call(1, inFlight: 1)
        for _ in 0..<140 { early.call(100, inFlight: 1) }
        #expect(early.call(100, inFlight: 10) == 9, "after 140 calls it is not yet")
    }

    // MARK: AIMD

    @Test(arguments: [
        (30, 1_000, true, 27), (20, 10, false, 21), (20, 9, false, 20), (1, 1_000, true, 1), (200, 1_000, false, 200),
    ])
    func `row 121: AIMD of concurrency-limits leaves nine tenths on a drop and grows while half is used`(
        initial: Int,
        inFlight: Int,
        isDrop: Bool,
        expected: Int
    ) {
        var drive = LimitDrive(AIMDLimit(.init(initial: initial, minimum: 1)))
        #expect(drive.call(10, inFlight: inFlight, isDrop: isDrop) == expected)
    }

    @Test func `a call that takes longer than the timeout is a drop`() {
        var drive = LimitDrive(AIMDLimit(.init(initial: 100, minimum: 1)))
        #expect(drive.call(5_000) == 101)
        #expect(drive.call(5_001) == 90)
    }

    @Test func `row 131: AIMD of ServiceTalk grows once in 100 ms and shrinks at once, to whole calls`() {
        var drive = LimitDrive(AIMDLimit(.serviceTalk))
        #expect((0..<3).map { _ in drive.call(1, inFlight: 1, after: .milliseconds(30)) } == [51, 51, 51])
        #expect(drive.call(1, inFlight: 1, after: .milliseconds(40)) == 52, "100 ms after the first")
        var dropping = LimitDrive(AIMDLimit(.serviceTalk))
        #expect((0..<3).map { _ in dropping.call(1, isDrop: true) } == [40, 32, 25])
    }

    // MARK: Gradient2

    @Test func `Gradient2 grows by a fifth of its queue while latencies are as always`() {
        var drive = LimitDrive(Gradient2Limit(.init(initial: 20)))
        #expect((0..<5).map { _ in drive.call(10) } == [20, 21, 22, 23, 24])
    }

    @Test func `below gradient 1 Gradient2 adds no queue, so that the limit does not drift up under load`() {
        let settings = Gradient2Limit.Configuration(initial: 20, minimum: 1, longWindow: 1_000_000, tolerance: 1)
        var drive = LimitDrive(Gradient2Limit(settings))
        for _ in 0..<10 { drive.call(8, inFlight: 1) }
        // The gradient is 0.8. With a queue of 4 the limit would come to rest at 4 / (1 - 0.8) = 20.
        for _ in 0..<100 { drive.call(10) }
        #expect(drive.algorithm.limit == 1)
    }

    @Test func `against a wedged peer whose every call times out Gradient2 goes to its least limit`() {
        var drive = LimitDrive(Gradient2Limit(.init(initial: 200)))
        for _ in 0..<100 { drive.call(10_000, isDrop: true) }
        #expect(drive.algorithm.limit == 20)
    }

    @Test func `Gradient2 halves at most, whatever an outlier says`() {
        var drive = LimitDrive(Gradient2Limit(.init(initial: 100, smoothing: 1)))
        for _ in 0..<10 { drive.call(1, inFlight: 1) }
        #expect(drive.call(1_000_000) == 50)
    }

    // MARK: Envoy

    private func measured(_ settings: EnvoyGradientLimit.Configuration = .init()) -> LimitDrive<EnvoyGradientLimit> {
        var drive = LimitDrive(EnvoyGradientLimit(settings))
        for _ in 0..<settings.measureCalls { drive.call(10) }
        return drive
    }

    @Test func `Envoy's controller measures with 50 calls at a limit of 3`() {
        var drive = LimitDrive(EnvoyGradientLimit())
        for _ in 0..<49 { #expect(drive.call(10) == 3) }
        #expect(drive.algorithm.isMeasuring)
        drive.call(10)
        #expect(!drive.algorithm.isMeasuring && drive.algorithm.limit == 3)
    }

    @Test func `Envoy's limit grows by the buffer and the square root, and shrinks by half at most`() {
        var drive = measured()
        // 3 * 1.25 = 3.75 and its root 1.94; 5 * 1.25 = 6.25 and 2.5; 8 * 1.25 = 10 and 3.16.
        #expect((0..<3).map { _ in drive.call(10, after: .milliseconds(100)) } == [5, 8, 13])
        // 13 * 0.5 = 6.5 and 2.55.
        #expect(drive.call(1_000, after: .milliseconds(2_000)) == 9)
        #expect(drive.call(10, after: .milliseconds(99)) == 9, "the window is not over")
    }

    @Test func `Envoy's limit is at most 1000`() {
        var drive = measured()
        for _ in 0..<100 { drive.call(10, after: .milliseconds(100)) }
        #expect(drive.algorithm.limit == 1_000)
    }

    @Test func `after five windows at the least limit Envoy's controller measures anew`() {
        var drive = measured()
        for _ in 0..<4 { drive.call(500, after: .milliseconds(1_000)) }
        #expect(!drive.algorithm.isMeasuring)
        drive.call(500, after: .milliseconds(1_000))
        #expect(drive.algorithm.isMeasuring)
    }

    @Test func `Envoy's controller measures anew after its interval and at most 15% of it, and returns to its limit`() {
        var drive = measured()
        for _ in 0..<10 { drive.call(10, after: .milliseconds(100)) }
        let before = drive.algorithm.limit
        drive.call(10, after: .seconds(58))
        #expect(!drive.algorithm.isMeasuring)
        drive.call(10, after: .seconds(10))
        #expect(drive.algorithm.isMeasuring && drive.algorithm.limit == 3)
        for _ in 0..<100 { drive.call(1_000, after: .milliseconds(1)) }
        #expect(drive.algorithm.isMeasuring, "calls that began under the other limit do not measure")
        drive.now = drive.now.advanced(by: .seconds(1))
        for _ in 0..<50 { drive.call(10) }
        #expect(!drive.algorithm.isMeasuring && drive.algorithm.limit >= before)
    }

    @Test func `a peer that refuses at once does not look fast to Envoy's controller`() {
        var drive = measured()
        for _ in 0..<5 { drive.call(10, after: .milliseconds(100)) }
        let before = drive.algorithm.limit
        drive.call(0, isDrop: true, after: .milliseconds(100))
        #expect(drive.algorithm.limit < before)
    }

    @Test func `with an idle latency that is known Envoy's controller never measures`() {
        var drive = LimitDrive(EnvoyGradientLimit(.init(fixedIdle: .milliseconds(10))))
        #expect(!drive.algorithm.isMeasuring)
        #expect(drive.call(10, after: .milliseconds(100)) == 3, "the first window begins here")
        #expect(drive.call(10, after: .milliseconds(100)) == 5)
        for _ in 0..<20 { drive.call(900, after: .seconds(60)) }
        #expect(!drive.algorithm.isMeasuring && drive.algorithm.limit == 3)
    }

    @Test func `with a least limit of its own a measurement leaves Envoy's limit as it is`() {
        var drive = LimitDrive(EnvoyGradientLimit(.init(minimum: 20)))
        for _ in 0..<50 { #expect(drive.call(10) == 20) }
        #expect(drive.call(10, after: .milliseconds(100)) == 30)
        drive.call(10, after: .seconds(70))
        #expect(drive.algorithm.isMeasuring && drive.algorithm.limit == 30)
    }

    // MARK: failsafe-go

    private func correlated() -> LimitDrive<CorrelatedVegasLimit> {
        let settings = CorrelatedVegasLimit.Configuration(greatestWindow: .seconds(1), leastSamples: 1)
        return LimitDrive(CorrelatedVegasLimit(settings, baseline: .seconds(1)))
    }

    @Test(arguments: [
        ([UInt64(1_000), 500], 5, [21, 22]), ([2_000, 2_000], 10, [19, 18]), ([1_300, 1_300], 10, [20, 20]),
    ])
    func `row 125: failsafe-go's limiter moves by one a window, by how long calls take against the baseline`(
        milliseconds: [UInt64],
        inFlight: Int,
        expected: [Int]
    ) {
        var drive = correlated()
        #expect(milliseconds.map { drive.call($0, inFlight: inFlight, after: .seconds(2)) } == expected)
    }

    @Test func `failsafe-go's limit stays near what is used, and shrinks in a window with a drop`() {
        var drive = correlated()
        #expect((0..<2).map { _ in drive.call(1_000, inFlight: 4, after: .seconds(2)) } == [19, 20])
        var dropping = correlated()
        #expect(dropping.call(1, inFlight: 10, isDrop: true, after: .seconds(2)) == 19)
        #expect(dropping.call(1_000, inFlight: 10, after: .seconds(2)) == 20)
    }

    @Test func `when more calls bring longer latencies and no throughput, failsafe-go's limit stops growing`() {
        var drive = correlated()
        var limits: [Int] = []
        // A peer that serves 10 calls a second, whatever is under way.
        for _ in 0..<200 {
            let limit = drive.algorithm.limit
            limits.append(drive.call(UInt64(limit) * 100, inFlight: limit, after: .seconds(60)))
        }
        #expect(limits.max() ?? 0 < 60 && drive.algorithm.limit < 40)
    }

    // MARK: All

    @Test func `row 124: a cancelled call leaves every algorithm's limit as it is`() async throws {
        let algorithms: [any LimitAlgorithm] = [
            AIMDLimit(), VegasLimit(), Gradient2Limit(), EnvoyGradientLimit(), CorrelatedVegasLimit(),
        ]
        for algorithm in algorithms {
            let limit = try AdaptiveLimit(algorithm: algorithm)
            let before = limit.limit
            for _ in 0..<100 {
                await #expect(throws: CancellationError.self) { try await limit.run { throw CancellationError() } }
            }
            #expect(limit.limit == before && limit.inFlight == 0)
        }
        let dropping = try AdaptiveLimit(algorithm: AIMDLimit(.serviceTalk))
        let timeout = MeshError(.attemptTimeout, origin: .upstream, requestState: .maybeSent, message: "")
        await #expect(throws: MeshError.self) { try await dropping.run { throw timeout } }
        #expect(dropping.limit == 40, "unlike one that timed out")
    }

    @Test(arguments: [
        AdaptiveLimitConfiguration.Algorithm.aimd(.init(minimum: 1, timeout: .milliseconds(15))), .vegas(.init()),
        // Under endless load its average follows, and with it the limit: a long one and no tolerance keep it where it was.
        .gradient2(.init(longWindow: 1_000_000, tolerance: 1)), .envoyGradient,
        .correlatedVegas(.init(leastSamples: 10)),
    ])
    func `each algorithm finds roughly how many calls a peer can serve`(
        algorithm: AdaptiveLimitConfiguration.Algorithm
    ) throws {
        let limit = try SimulatedLimit(algorithm)
        // The peer serves 50 calls in 10 ms each; with more under way each takes longer.
        for _ in 0..<60_000 {
            let inFlight = limit.limit
            limit.call(Nanoseconds(rawValue: 10_000_000 * UInt64(max(inFlight, 50)) / 50), inFlight: inFlight)
        }
        #expect((25...110).contains(limit.limit), "\(algorithm): \(limit.limit)")
    }

    @Test(arguments: [UInt64(1), 2])
    func `over 100 000 random calls, extremes among them, every limit stays within its bounds`(seed: UInt64) throws {
        let random = MeshRandom(seed: seed)
        let all: [(any LimitAlgorithm, ClosedRange<Int>)] = [
            (AIMDLimit(), 20...200), (AIMDLimit(.serviceTalk), 1...16_777_215), (VegasLimit(), 1...1_000),
            (Gradient2Limit(), 20...200), (EnvoyGradientLimit(), 3...1_000), (CorrelatedVegasLimit(), 1...200),
            (WindowedLimit(Gradient2Limit(.init(minimum: 1))), 1...200),
        ]
        for (start, bounds) in all {
            var algorithm = start
            var now = MeshInstant(nanoseconds: 0)
            var isSound = true
            for _ in 0..<100_000 {
                let extreme = random.below(50)
                let rtt: UInt64 = extreme == 0 ? .max : extreme == 1 ? 0 : random.below(200_000_000)
                switch random.below(1_000) {
                case 0: now = MeshInstant(nanoseconds: now.nanoseconds / 2)
                case 1: now = now.advanced(by: .seconds(60 * 86_400))
                default: now = now.advanced(by: Nanoseconds(rawValue: random.below(20_000_000)))
                }
                let inFlight = extreme == 2 ? Int.max / 4 : Int(random.below(300))
                let isDrop = random.below(40) == 0
                let sample = LimitSample(
                    rtt: Nanoseconds(rawValue: rtt),
                    inFlight: inFlight,
                    isDrop: isDrop,
                    endedAt: now
                )
                let limit = algorithm.sampled(sample, using: random)
                isSound = isSound && bounds.contains(limit) && limit == algorithm.limit
            }
            #expect(isSound, "\(type(of: start))")
        }
    }
}

/// A limit behind a peer whose clock moves by a tenth of a millisecond a call.
private final class SimulatedLimit {
    private var algorithm: any LimitAlgorithm
    private var now = MeshInstant(nanoseconds: 1_000_000_000)
    private let random = MeshRandom(seed: 7)

    init(_ algorithm: AdaptiveLimitConfiguration.Algorithm) throws {
        self.algorithm = algorithm.begin(window: LimitWindow(length: .milliseconds(100)))
    }

    var limit: Int { algorithm.limit }

    func call(_ rtt: Nanoseconds, inFlight: Int) {
        now = now.advanced(by: .milliseconds(1))
        _ = algorithm.sampled(LimitSample(rtt: rtt, inFlight: inFlight, endedAt: now), using: random)
    }
}
