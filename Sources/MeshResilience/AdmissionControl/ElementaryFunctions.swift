// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The exponential and the logarithm, which the standard library has not and the pure targets may import from nowhere.
/// Accurate to about 1e-15 of the result.
package enum ElementaryFunctions {
    private static let ln2 = 0.693_147_180_559_945_3
    /// The part of ln 2 whose multiples by a whole number below 2048 are exact, and the rest.
    private static let ln2High = 0.693_147_180_369_123_8
    private static let ln2Low = 1.908_214_929_270_587_7e-10

    /// `e` to the power of `x`; zero far below zero, infinite far above.
    package static func exp(_ x: Double) -> Double {
        guard x > -745 else { return x.isNaN ? x : 0 }
        guard x < 709 else { return .infinity }
        // x = k · ln 2 + r with r at most half of ln 2, where fourteen terms of the series suffice, and far fewer for
        // the small numbers that a moving average asks for.
        let k = (x / ln2).rounded()
        let r = (x - k * ln2High) - k * ln2Low
        var (sum, term) = (1.0, 1.0)
        for n in 1...14 {
            term *= r / Double(n)
            let next = sum + term
            if next == sum { break }
            sum = next
        }
        return Double(sign: .plus, exponent: Int(k), significand: sum)
    }

    /// The natural logarithm of a positive number; minus infinity for zero.
    package static func log(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        guard x.isFinite else { return x }
        var (k, m) = (Double(x.exponent), x.significand)
        if m > 1.414_213_562_373_095 {
            m /= 2
            k += 1
        }
        // ln m = 2 artanh s with s below 0.172: ten odd powers suffice.
        let s = (m - 1) / (m + 1)
        let square = s * s
        var (sum, power) = (0.0, s)
        for n in 0..<11 {
            sum += power / Double(2 * n + 1)
            power *= square
        }
        return k * ln2High + (2 * sum + k * ln2Low)
    }

    /// A number of 0 ... 1 to a positive power.
    package static func power(_ x: Double, _ exponent: Double) -> Double {
        if x <= 0 { return 0 }
        return exponent == 1 ? x : exp(exponent * log(x))
    }
}
