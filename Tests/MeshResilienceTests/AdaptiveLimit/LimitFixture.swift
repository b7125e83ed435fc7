// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// A limit that stays where it is.
struct FixedLimit: LimitAlgorithm {
    let limit: Int

    mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int { limit }
}

/// A limit that keeps what it hears.
struct RecordingLimit: LimitAlgorithm {
    let heard: Shared<[LimitSample]>
    var limit = 10
    /// The limit after the next sample.
    var next = 10

    mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int {
        heard.update { $0.append(sample) }
        limit = next
        return limit
    }
}

/// Feeds an algorithm one call after the other.
struct LimitDrive<Algorithm: LimitAlgorithm> {
    var algorithm: Algorithm
    var now = MeshInstant(nanoseconds: 100_000_000_000)
    let random = MeshRandom(seed: 1)

    init(_ algorithm: Algorithm) {
        self.algorithm = algorithm
    }

    /// A call ends `after` the last one.
    /// - Returns: The limit from now on.
    @discardableResult
    mutating func call(
        _ milliseconds: UInt64,
        inFlight: Int = 1_000,
        isDrop: Bool = false,
        after pause: Nanoseconds = .milliseconds(1)
    ) -> Int {
        now = now.advanced(by: pause)
        let rtt = Nanoseconds.milliseconds(milliseconds)
        let sample = LimitSample(rtt: rtt, inFlight: inFlight, isDrop: isDrop, endedAt: now)
        return algorithm.sampled(sample, using: random)
    }
}
