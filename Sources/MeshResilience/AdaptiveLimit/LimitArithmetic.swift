// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Arithmetic that the algorithms share.
enum LimitArithmetic {
    /// The integer part of the decimal logarithm, at least 1: concurrency-limits' step for most of its thresholds.
    static func logarithm(_ limit: Double) -> Double {
        var rest = limit
        var digits = 0.0
        while rest >= 10, digits < 400 {
            rest /= 10
            digits += 1
        }
        return max(digits, 1)
    }

    /// How many of the calls under way wait in the peer's queue, by Little's law: `limit * (1 - unloaded / loaded)`.
    static func queue(_ limit: Double, unloaded: Double, loaded: Double) -> Double {
        (limit * (1 - unloaded / max(loaded, 1))).rounded(.up)
    }
}

extension ProblemCollector {
    /// Notes what is wrong with the bounds of a limit.
    mutating func requireLimits(minimum: Int, initial: Int, maximum: Int) {
        require(
            (1...LimitBounds.most).contains(minimum),
            "minimum",
            "must be from 1 to \(LimitBounds.most), is \(minimum)"
        )
        require(
            (1...LimitBounds.most).contains(maximum),
            "maximum",
            "must be from 1 to \(LimitBounds.most), is \(maximum)"
        )
        require(minimum <= maximum, "maximum", "must not be less than the minimum of \(minimum), is \(maximum)")
        require(
            minimum <= initial && initial <= maximum,
            "initial",
            "must be from the minimum of \(minimum) to the maximum of \(maximum), is \(initial)"
        )
    }

    /// Notes a share that is not from `lowest` to 1.
    mutating func requireShare(_ share: Double, above lowest: Double = 0, _ path: String) {
        require(share > lowest && share <= 1, path, "must be greater than \(lowest) and at most 1, is \(share)")
    }
}

/// What limits are possible.
enum LimitBounds {
    /// The largest limit: what 24 bits can count, so that a context can carry a partition beside the count.
    static let most = (1 << 24) - 1
}
