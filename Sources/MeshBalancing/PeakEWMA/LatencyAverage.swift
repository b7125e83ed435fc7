// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// An average of latencies that leaps up to each higher one and comes down slowly, as time passes.
///
/// Reading does not change it: what decays does so by itself.
public struct LatencyAverage: Hashable, Sendable {
    /// The average when it was told a latency last, in nanoseconds.
    public private(set) var value: Double
    /// When that was.
    public private(set) var updatedAt: MeshInstant

    /// Creates an average that has not been told anything.
    /// - Parameter value: What it begins with, in nanoseconds.
    public init(_ value: Double, at now: MeshInstant) {
        self.value = value
        self.updatedAt = now
    }

    /// Takes a latency in: a higher one replaces the average, a lower one draws it down the more, the older it is.
    /// - Parameter decayTime: After how long an older latency counts for 1/e; greater than 0.
    public mutating func record(_ latency: Nanoseconds, at now: MeshInstant, decayTime: Nanoseconds) {
        let latency = Double(latency.rawValue)
        if latency > value {
            value = latency
        } else {
            let share = Self.share(left: now.elapsed(since: updatedAt), of: decayTime)
            value = value * share + latency * (1 - share)
        }
        updatedAt = max(updatedAt, now)
    }

    /// The average now, in nanoseconds.
    public func value(at now: MeshInstant, decayTime: Nanoseconds) -> Double {
        value * Self.share(left: now.elapsed(since: updatedAt), of: decayTime)
    }

    /// The natural exponential of `-elapsed / decayTime`. The standard library has none.
    static func share(left elapsed: Nanoseconds, of decayTime: Nanoseconds) -> Double {
        let halvings = Double(elapsed.rawValue) / Double(decayTime.rawValue) * 1.442_695_040_888_963_4
        // Below the smallest number there is.
        guard halvings < 1_074 else { return 0 }
        let whole = halvings.rounded(.down)
        let rest = (halvings - whole) * -0.693_147_180_559_945_3
        // The series of the exponential, which after twelve terms is exact to ten digits for numbers below one.
        var sum = 1.0
        for term in stride(from: 12.0, through: 1, by: -1) { sum = 1 + sum * rest / term }
        return Double(sign: .plus, exponent: -Int(whole), significand: sum)
    }
}
