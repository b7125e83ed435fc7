// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension CircuitBreakerConfiguration {
    /// How long the breaker stays open.
    /// - Parameters:
    ///   - opening: How many openings came before this one since the last recovery.
    ///   - random: Asked once if there is jitter.
    /// - Complexity: O(log opening).
    func openDuration(opening: Int, using random: MeshRandom) -> Nanoseconds {
        let opening = max(opening, 0)
        if opening < openSchedule.count { return openSchedule[opening] }
        let step = opening - openSchedule.count
        let base = Double(openDuration.rawValue)
        let grown =
            switch openGrowth {
            case .constant: base
            case .linear: base * (Double(step) + 1)
            case .exponential(let factor): base * Self.power(factor, step)
            }
        let limit = max(maximumOpenDuration, openDuration)
        // The rounding of doubles must not move a time that neither growth nor chance has touched.
        if grown == base, openJitter.isNothing(at: step) { return openDuration }
        return Nanoseconds(atMost: limit, openJitter.applied(to: grown, limit: Double(limit.rawValue), step, random))
    }

    private static func power(_ factor: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, factor, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}

extension CircuitBreakerConfiguration.OpenJitter {
    fileprivate func isNothing(at step: Int) -> Bool {
        switch self {
        case .none: true
        case .equal: step == 0
        case .additive, .symmetric: false
        }
    }

    fileprivate func applied(to time: Double, limit: Double, _ step: Int, _ random: MeshRandom) -> Double {
        switch self {
        case .none:
            return time
        case .equal:
            // The half grows past the limit, and only the sum is cut, as Finagle does.
            return step == 0 ? time : time / 2 + time / 2 * random.unitInterval()
        case .additive(let share):
            return time + time * share * random.unitInterval()
        case .symmetric(let share):
            return min(time, limit) * (1 - share + 2 * share * random.unitInterval())
        }
    }
}

extension Nanoseconds {
    /// A time that was computed in doubles, which may be infinite or no number.
    fileprivate init(atMost limit: Nanoseconds, _ nanoseconds: Double) {
        self = nanoseconds < Double(limit.rawValue) ? Nanoseconds(rawValue: UInt64(max(nanoseconds, 0))) : limit
    }
}
