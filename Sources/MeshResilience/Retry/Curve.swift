// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The three functions that back-off formulas need and that the standard library does not have.
///
/// Errors stay below 1e-12 of the value, far below a nanosecond of any wait that somebody waits for.
enum Curve {
    /// `base` to a whole power; infinity where the range ends.
    static func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            rest >>= 1
            // An infinite square would turn a result of 1 to the power of nothing into no number.
            if rest > 0 { square *= square }
        }
        return result
    }

    /// 2 to the power of a number that is not negative; infinity from 1024 on.
    static func powerOfTwo(_ exponent: Double) -> Double {
        guard exponent < 1024 else { return .infinity }
        let whole = exponent.rounded(.down)
        let fraction = exponential((exponent - whole) * 0.693_147_180_559_945_309_4)
        return Double(sign: .plus, exponent: Int(whole), significand: fraction)
    }

    /// The hyperbolic tangent of a number that is not negative.
    static func hyperbolicTangent(_ value: Double) -> Double {
        // From 20 on it is 1 to the last bit of a `Double`.
        guard value < 20 else { return 1 }
        // Squared rather than summed up to 40, where a series would need a hundred terms.
        var power = exponential(value / 32)
        for _ in 0..<6 { power *= power }
        return (power - 1) / (power + 1)
    }

    /// e to the power of a number from 0 to 1, by its series.
    private static func exponential(_ value: Double) -> Double {
        var (sum, term) = (1.0, 1.0)
        for number in 1...20 {
            term *= value / Double(number)
            sum += term
        }
        return sum
    }
}
