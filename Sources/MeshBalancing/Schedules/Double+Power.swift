// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Double {
    /// This number, greater than 0, to a power of at least 0. The standard library has none: whole powers are products, and the rest
    /// is made of square roots.
    func power(_ exponent: Double) -> Double {
        var result = 1.0
        var square = self
        var whole = UInt64(Swift.min(exponent, 1_000))
        var fraction = Swift.min(exponent, 1_000) - Double(whole)
        while whole > 0 {
            if whole & 1 == 1 { result *= square }
            square *= square
            whole >>= 1
        }
        var root = self
        for _ in 0..<32 where fraction > 0 {
            root = root.squareRoot()
            fraction *= 2
            if fraction >= 1 {
                result *= root
                fraction -= 1
            }
        }
        return result
    }
}
