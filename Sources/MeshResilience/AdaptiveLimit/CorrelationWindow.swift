// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whether two measurements rise and fall together, over the last few of them.
struct CorrelationWindow: Hashable, Sendable {
    /// What the window says.
    struct Answer: Hashable, Sendable {
        /// From -1 to 1; 0 while too little is known or one of the two hardly varies.
        var correlation = 0.0
        /// The second measurement's standard deviation as a share of its mean.
        var variationOfSecond = 0.0
    }

    private struct Pair: Hashable {
        var first: Double
        var second: Double
    }

    private let capacity: Int
    private let warmup: Int
    private var pairs: [Pair] = []
    private var next = 0

    init(capacity: Int, warmup: Int) {
        self.capacity = max(capacity, 1)
        self.warmup = warmup
        pairs.reserveCapacity(self.capacity)
    }

    /// Adds a pair; the oldest leaves when the window is full.
    /// - Complexity: O(capacity): sums that are carried along would drift.
    mutating func add(_ first: Double, _ second: Double) -> Answer {
        let pair = Pair(first: first, second: second)
        if pairs.count < capacity {
            pairs.append(pair)
        } else {
            pairs[next] = pair
            next = (next + 1) % capacity
        }
        guard pairs.count >= max(warmup, 2) else { return Answer() }
        let count = Double(pairs.count)
        let meanFirst = pairs.reduce(0) { $0 + $1.first } / count
        let meanSecond = pairs.reduce(0) { $0 + $1.second } / count
        var (varianceFirst, varianceSecond, covariance) = (0.0, 0.0, 0.0)
        for pair in pairs {
            let (deltaFirst, deltaSecond) = (pair.first - meanFirst, pair.second - meanSecond)
            varianceFirst += deltaFirst * deltaFirst / count
            varianceSecond += deltaSecond * deltaSecond / count
            covariance += deltaFirst * deltaSecond / count
        }
        let deviations = (varianceFirst.squareRoot(), varianceSecond.squareRoot())
        guard meanFirst > 0, meanSecond > 0 else { return Answer() }
        let variation = deviations.1 / meanSecond
        // What varies by less than 1% is noise.
        guard deviations.0 / meanFirst >= 0.01, variation >= 0.01 else {
            return Answer(correlation: 0, variationOfSecond: variation)
        }
        return Answer(correlation: covariance / (deviations.0 * deviations.1), variationOfSecond: variation)
    }
}
