// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many calls may be under way at once, and who may wait for a place.
public struct BulkheadConfiguration: PolicyConfiguration {
    /// In which order waiting calls get the places that come free.
    public enum Order: Hashable, Sendable {
        /// The call that waits longest is next. The default: it is fair.
        case fifo
        /// The call that came last is next: under overload some callers are served in time instead of all too late.
        ///
        /// concurrency-limits' `LifoBlockingLimiter`.
        case lifo
        /// Controlled delay: first come, first served while the queue empties now and then; newest first, with little
        /// patience and the oldest dropped, while it does not.
        ///
        /// While the queue was empty at some time within `interval`, a call waits up to `interval`. Once it has not
        /// been, the queue stands: every call waits up to `target` only. Facebook's form of CoDel for request queues
        /// (Maurer, "Fail at Scale", ACM Queue 2015), whose values are 5 ms and 100 ms.
        case controlledDelay(target: Nanoseconds, interval: Nanoseconds)

        /// Controlled delay with Facebook's values: a target of 5 ms in intervals of 100 ms.
        public static let controlledDelay = Order.controlledDelay(
            target: .milliseconds(5),
            interval: .milliseconds(100)
        )
    }

    /// The policy.
    public static var kind: PolicyKind { .bulkhead }
    /// Whether it acts. Default `enforce`.
    public var mode: PolicyMode
    /// The most calls under way, 1 to 2147483647.
    ///
    /// Default 25: resilience4j's `maxConcurrentCalls`.
    public var maximumConcurrent: Int
    /// The most calls that wait for a place, 0 to 2147483647; with 0 nobody waits.
    ///
    /// Default 0: resilience4j's `maxWaitDuration` and Polly's `queueLimit` let nobody wait either.
    public var maximumQueued: Int
    /// How long a call waits at most; greater than zero.
    ///
    /// Default 1 s: concurrency-limits' `LifoBlockingLimiter`. A caller's deadline shortens it.
    public var maximumWait: Nanoseconds
    /// Who is next. Default `fifo`.
    public var order: Order

    /// Creates a configuration.
    public init(
        maximumConcurrent: Int = 25,
        maximumQueued: Int = 0,
        maximumWait: Nanoseconds = .seconds(1),
        order: Order = .fifo,
        mode: PolicyMode = .enforce
    ) {
        self.maximumConcurrent = maximumConcurrent
        self.maximumQueued = maximumQueued
        self.maximumWait = maximumWait
        self.order = order
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("maximumConcurrent", maximumConcurrent, default: 25, from: "resilience4j maxConcurrentCalls"),
            PolicySetting("maximumQueued", maximumQueued, default: 0, from: "resilience4j, Polly queueLimit"),
            PolicySetting("maximumWait", maximumWait, default: .seconds(1), from: "LifoBlockingLimiter"),
            PolicySetting("order", order, default: .fifo, from: "resilience4j"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...Int(Int32.max)).contains(maximumConcurrent),
            "maximumConcurrent",
            "must be from 1 to 2147483647, is \(maximumConcurrent)"
        )
        problems.require(
            (0...Int(Int32.max)).contains(maximumQueued),
            "maximumQueued",
            "must be from 0 to 2147483647, is \(maximumQueued)"
        )
        problems.require(maximumWait > .zero, "maximumWait", "must be greater than 0; to let nobody wait, queue nobody")
        if case .controlledDelay(let target, let interval) = order {
            problems.require(target > .zero, "order.target", "must be greater than 0")
            problems.require(interval > .zero, "order.interval", "must be greater than 0")
            problems.require(target <= interval, "order.target", "must not be greater than the interval")
        }
        try problems.throwIfAny()
    }
}

extension BulkheadConfiguration.Order: CustomStringConvertible {
    /// For people: `controlledDelay(target: 0.005 seconds, interval: 0.1 seconds)`.
    public var description: String {
        switch self {
        case .fifo: "fifo"
        case .lifo: "lifo"
        case .controlledDelay(let target, let interval):
            "controlledDelay(target: \(target.duration), interval: \(interval.duration))"
        }
    }
}
