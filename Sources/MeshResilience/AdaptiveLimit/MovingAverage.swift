// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A mean while it warms up, then an exponentially weighted average with the factor `2 / (window + 1)`.
struct MovingAverage: Hashable, Sendable {
    private let factor: Double
    private let warmup: Int
    private var count = 0
    private var sum = 0.0
    private(set) var value = 0.0

    init(window: Int, warmup: Int) {
        self.factor = 2 / (Double(window) + 1)
        self.warmup = warmup
    }

    mutating func add(_ sample: Double) -> Double {
        if count < warmup {
            count += 1
            sum += sample
            value = sum / Double(count)
        } else {
            value += (sample - value) * factor
        }
        return value
    }

    mutating func scale(by factor: Double) {
        value *= factor
    }
}
