// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Feeds another algorithm one sample a window: the mean latency, the most calls under way, and whether any was dropped.
///
/// One call says little; concurrency-limits puts this before its algorithms. Unlike its window, one that ends with too
/// few samples goes on instead of being thrown away, so that a peer with little traffic is learned about as well.
public struct WindowedLimit<Algorithm: LimitAlgorithm>: LimitAlgorithm {
    private let window: LimitWindow
    private var algorithm: Algorithm
    private var sum = 0.0
    private var measured = 0
    private var count = 0
    private var mostInFlight = 0
    private var anyDrop = false
    private var leastRTT = UInt64.max
    private var endsAt: MeshInstant?

    /// Puts a window before an algorithm.
    public init(_ algorithm: Algorithm, window: LimitWindow = LimitWindow()) {
        self.algorithm = algorithm
        self.window = window
    }

    /// The limit now.
    public var limit: Int { algorithm.limit }

    /// A call has ended.
    public mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int {
        guard sample.isDrop || sample.rtt >= window.leastRTT else { return limit }
        let end = endsAt ?? sample.startedAt.advanced(by: window.length)
        endsAt = end
        add(sample)
        guard sample.endedAt >= end, count >= window.leastSamples else { return limit }
        let mean = measured > 0 ? UInt64(min(sum / Double(measured), 1e19)) : 0
        let whole = LimitSample(
            rtt: Nanoseconds(rawValue: mean),
            inFlight: mostInFlight,
            isDrop: anyDrop,
            endedAt: sample.endedAt
        )
        reset(after: sample.endedAt)
        return algorithm.sampled(whole, using: random)
    }

    private mutating func add(_ sample: LimitSample) {
        count += 1
        mostInFlight = max(mostInFlight, sample.inFlight)
        if sample.isDrop {
            // The time until a timeout is no latency.
            anyDrop = true
        } else {
            sum += Double(sample.rtt.rawValue)
            measured += 1
            leastRTT = min(leastRTT, sample.rtt.rawValue)
        }
    }

    private mutating func reset(after now: MeshInstant) {
        let (twice, overflow) = leastRTT.multipliedReportingOverflow(by: 2)
        // A window holds a few calls of the peer at least, however slow it is.
        let wanted = measured == 0 ? window.length : Nanoseconds(rawValue: overflow ? .max : twice)
        endsAt = now.advanced(by: min(max(wanted, window.length), window.greatestLength))
        (sum, measured, count, mostInFlight, anyDrop, leastRTT) = (0, 0, 0, 0, false, .max)
    }
}
