// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which of a cluster's priorities the attempts of a request went to, and which of them a further one avoids (Envoy's
/// `envoy.retry_priorities.previous_priorities`). Of priorities from 64 on nothing is kept.
public struct PriorityHistory: Hashable, Sendable {
    /// A bit for each priority that is avoided.
    public private(set) var avoided: UInt64 = 0
    private var attempted: UInt64 = 0
    private var count: Int = 0

    /// Creates the history of a request without attempts.
    @inlinable
    public init() {}

    /// An attempt went to a priority.
    public mutating func attempted(_ priority: Int) {
        attempted |= priority < 64 ? 1 << UInt64(priority) : 0
        count += 1
    }

    /// A further attempt follows: after every so many of them all that were tried are avoided.
    /// - Parameter frequency: At least 1.
    public mutating func advance(every frequency: Int) {
        if count >= frequency, count.isMultiple(of: frequency) { avoided = attempted }
    }

    /// Nothing but what was tried is left: everything begins anew.
    public mutating func forget() {
        self = PriorityHistory()
    }
}
