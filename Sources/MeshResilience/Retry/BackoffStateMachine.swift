// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The waits of one request, in order: what a back-off remembers between its retries.
///
/// Everything that can be is computed in whole nanoseconds with saturation, so that no retry number and no bound
/// overflows; what needs floating point ends at the maximum when it leaves the range.
public struct BackoffStateMachine: Hashable, Sendable {
    private let backoff: Backoff
    private var retries: Int
    /// The last wait of a decorrelated back-off.
    private var lastWait: UInt64
    /// The last value of the smooth curve.
    private var lastValue = 0.0

    /// Creates the machine of one request.
    public init(_ backoff: Backoff) {
        self.init(backoff, retriesBefore: 0)
    }

    init(_ backoff: Backoff, retriesBefore: Int) {
        self.backoff = backoff
        self.retries = retriesBefore
        self.lastWait = backoff.base.rawValue
    }

    /// The sequence begins again, as after a wait that the peer chose (gRFC A6).
    public mutating func restart() {
        self = BackoffStateMachine(backoff)
    }

    /// A retry is wanted.
    /// - Parameter random: 64 random bits; 0 is the shortest wait of the spread, the largest number the longest.
    /// - Returns: How long it has to wait.
    /// - Complexity: O(log n) in the number of retries before it.
    public mutating func retryWanted(random: UInt64) -> Nanoseconds {
        let earlier = retries
        if retries < .max { retries += 1 }
        switch backoff.growth {
        case .constant: return spread(backoff.base.rawValue, random)
        case .linear(let step):
            let (growth, overflow) = step.rawValue.multipliedReportingOverflow(by: UInt64(earlier))
            let (sum, carried) = backoff.base.rawValue.addingReportingOverflow(growth)
            return spread(overflow || carried ? .max : sum, random)
        case .exponential(let factor):
            return spread(Self.grown(backoff.base.rawValue, by: factor, times: earlier), random)
        case .decorrelated:
            let (threefold, overflow) = lastWait.multipliedReportingOverflow(by: 3)
            let upper = min(overflow ? .max : threefold, backoff.maximum.rawValue)
            lastWait = Self.between(backoff.base.rawValue, upper, random)
            return Nanoseconds(rawValue: lastWait)
        case .smoothExponential:
            let time = Double(earlier) + Double(random >> 11) * 0x1p-53
            let value = Curve.powerOfTwo(time) * Curve.hyperbolicTangent((4 * time).squareRoot())
            // The scale that Polly chose so that medians come near the base and its doubles.
            let wait = (value - lastValue) / 1.4 * Double(backoff.base.rawValue)
            lastValue = value
            return Nanoseconds(rawValue: min(Self.whole(wait), backoff.maximum.rawValue))
        }
    }

    /// Bounds a wait and spreads it.
    private func spread(_ wait: UInt64, _ random: UInt64) -> Nanoseconds {
        let maximum = backoff.maximum.rawValue
        let bound = min(wait, maximum)
        let result: UInt64
        switch backoff.jitter {
        case .none: result = bound
        case .full: result = Self.between(0, bound, random)
        case .equal: result = Self.between(bound / 2, bound, random)
        case .proportional(let ratio): result = min(Self.around(bound, ratio, random), maximum)
        case .proportionalAboveMaximum(let ratio): result = Self.around(bound, ratio, random)
        case .additive(let ratio): result = min(Self.between(bound, Self.above(bound, ratio), random), maximum)
        case .remainder: result = bound == 0 ? 0 : random % bound
        }
        return Nanoseconds(rawValue: result)
    }

    /// From `lower` up to, but not with, `upper`.
    private static func between(_ lower: UInt64, _ upper: UInt64, _ random: UInt64) -> UInt64 {
        guard upper > lower else { return lower }
        return lower + random.multipliedFullWidth(by: upper - lower).high
    }

    private static func around(_ middle: UInt64, _ ratio: Double, _ random: UInt64) -> UInt64 {
        between(middle - min(whole(Double(middle) * ratio), middle), above(middle, ratio), random)
    }

    private static func above(_ wait: UInt64, _ ratio: Double) -> UInt64 {
        let (sum, overflow) = wait.addingReportingOverflow(whole(Double(wait) * ratio))
        return overflow ? .max : sum
    }

    private static func grown(_ base: UInt64, by factor: Double, times: Int) -> UInt64 {
        if factor == 2 {
            guard times < UInt64.bitWidth else { return base == 0 ? 0 : .max }
            return base.leadingZeroBitCount >= times ? base << UInt64(times) : .max
        }
        return whole(Double(base) * Curve.power(factor, times))
    }

    /// The nearest whole number; what is no number at all comes from infinities and counts as the largest.
    private static func whole(_ value: Double) -> UInt64 {
        guard value < 0x1p64 else { return .max }
        return value > 0 ? UInt64(exactly: value.rounded()) ?? .max : 0
    }
}
