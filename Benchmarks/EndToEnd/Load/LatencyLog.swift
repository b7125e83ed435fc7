// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The requests that one worker made, each kept: percentiles are exact, and the memory is two numbers a request.
struct LatencyLog: Sendable {
    /// One request.
    struct Sample: Sendable {
        var ended: MeshInstant
        /// In nanoseconds; what takes longer than four seconds counts as that.
        var latency: UInt32
    }

    private(set) var samples: [Sample] = []
    private let window: MeasuredWindow
    private var requestBegan = SystemClock().now
    /// The requests that are left; `nil` while time decides.
    private var remaining: Int?

    init(_ window: MeasuredWindow) {
        self.window = window
        switch window.plan.extent {
        case .time: samples.reserveCapacity(1 << 13)
        case .count(let count): remaining = max(1, count / window.plan.concurrency)
        }
    }

    /// A request ended, and the next one begins.
    /// - Returns: Whether there is to be a next one.
    mutating func requestEnded() -> Bool {
        let now = SystemClock().now
        defer { requestBegan = now }
        if let left = remaining {
            remaining = left - 1
            return left > 1
        }
        samples.append(Sample(ended: now, latency: UInt32(clamping: now.elapsed(since: requestBegan).rawValue)))
        window.requestEnded()
        return !window.isClosed
    }
}
