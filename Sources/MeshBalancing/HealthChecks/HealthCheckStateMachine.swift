// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What the results of probes make of one endpoint, and when the next probe is due.
///
/// ```
///             the first success, or the n-th without a failure between (n: healthyThreshold)
///           ┌───────────────────────────────────────────────────────────┐
///           │                                                           ▼
///        failed                                                      healthy ⇄ degraded, as each success says
///           ▲                                                           │
///           └───────────────────────────────────────────────────────────┘
///             an answer that says so, or the n-th failure in a row (n: unhealthyThreshold)
/// ```
public struct HealthCheckStateMachine: Sendable {
    /// What a result has changed.
    public enum Transition: Hashable, Sendable {
        /// Nothing.
        case none
        /// Nothing yet: the threshold wants more of the same.
        case pending
        /// The endpoint's health.
        case changed
    }

    /// What follows of a result.
    public struct Action: Hashable, Sendable {
        /// What it has changed.
        public var transition: Transition
        /// What was held against the endpoint before.
        public var previous: ActiveHealth
        /// What is held against it now.
        public var health: ActiveHealth
        /// When the next probe is due.
        public var next: MeshInstant
    }

    private let check: HealthCheck
    /// What is held against the endpoint.
    public private(set) var health: ActiveHealth
    /// Whether a probe has ended.
    public private(set) var isChecked = false
    /// Those since the last failure that found the endpoint unhealthy.
    private var successes: UInt32 = 0
    /// Those in a row that found it healthy.
    private var failures: UInt32 = 0

    /// Creates a machine.
    /// - Parameter health: What is held against the endpoint to begin with.
    public init(_ check: HealthCheck, health: ActiveHealth) {
        self.check = check
        self.health = health
    }

    /// When the first probe is due.
    /// - Parameter random: Draws a number.
    public func firstProbe(at now: MeshInstant, random: () -> UInt64) -> MeshInstant {
        guard check.initialJitter > .zero else { return now }
        return now.advanced(by: check.wait(.zero, jitter: check.initialJitter, percent: 0, random: random))
    }

    /// A probe has ended.
    /// - Parameters:
    ///   - hasTraffic: Whether a request was ever sent to the cluster.
    ///   - random: Draws a number.
    public mutating func probeEnded(
        _ result: HealthProbeResult,
        at now: MeshInstant,
        hasTraffic: Bool,
        random: () -> UInt64
    ) -> Action {
        let previous = health
        let (transition, isSuccess): (Transition, Bool) =
            switch result {
            case .healthy: (succeeded(isDegraded: false), true)
            case .degraded: (succeeded(isDegraded: true), true)
            case .failed(let failure): (failed(failure), false)
            }
        isChecked = true
        let interval = check.interval(after: isSuccess, transition, hasTraffic: hasTraffic)
        let wait = check.wait(
            interval,
            jitter: check.intervalJitter,
            percent: check.intervalJitterPercent,
            random: random
        )
        return Action(transition: transition, previous: previous, health: health, next: now.advanced(by: wait))
    }

    /// The answer to a request of the application said that no more should come. The next probe is due when it was.
    /// - Returns: What it has changed.
    public mutating func refusedTraffic() -> Transition {
        let transition = failed(.init(.traffic, "", excludes: true))
        // Envoy's first probe then counts as any other.
        isChecked = true
        return transition
    }

    private mutating func succeeded(isDegraded: Bool) -> Transition {
        failures = 0
        var transition = Transition.none
        if health.contains(.failed) {
            // Once is enough at first, so that a start does not take long.
            if !isChecked || count(&successes) == check.healthyThreshold {
                health.subtract([.failed, .excluded])
                successes = 0
                transition = .changed
            } else {
                transition = .pending
            }
        }
        if health.remove(.pending) != nil { transition = .changed }
        if isDegraded != health.contains(.degraded) {
            if isDegraded { health.insert(.degraded) } else { health.remove(.degraded) }
            // Who waits for the threshold goes on waiting.
            if transition == .none { transition = .changed }
        }
        return transition
    }

    private mutating func failed(_ failure: HealthProbeResult.Failure) -> Transition {
        successes = 0
        let before = health
        if failure.excludes { health.insert(.excluded) }
        var transition = Transition.none
        if !health.contains(.failed) {
            let isVerdict = failure.cause == .answer || failure.cause == .traffic
            if isVerdict || count(&failures) == check.unhealthyThreshold {
                health.insert(.failed)
                failures = 0
                transition = .changed
            } else {
                transition = .pending
            }
        } else if before.isExcluded != health.isExcluded {
            // Envoy looks at that only when something else changes; whoever counts endpoints is to know at once.
            transition = .changed
        }
        if health.remove(.pending) != nil { transition = .changed }
        return transition
    }

    private func count(_ number: inout UInt32) -> UInt32 {
        // A number that has come around is no threshold.
        if number < .max { number += 1 }
        return number
    }
}

extension HealthCheck {
    /// The interval after a result, without its jitter.
    func interval(
        after isSuccess: Bool,
        _ transition: HealthCheckStateMachine.Transition,
        hasTraffic: Bool
    ) -> Nanoseconds {
        let isPending = transition == .pending
        guard hasTraffic else {
            return isSuccess && !isPending ? noTrafficHealthyInterval ?? noTrafficInterval : noTrafficInterval
        }
        if isSuccess { return isPending ? healthyEdgeInterval ?? interval : interval }
        let unhealthy = unhealthyInterval ?? interval
        return isPending ? unhealthyEdgeInterval ?? unhealthy : unhealthy
    }

    /// A wait with its jitter, in Envoy's way: whole milliseconds, below the given part and below the given span, both
    /// added; at least 1 ms, so that nobody asks without end.
    func wait(_ span: Nanoseconds, jitter: Nanoseconds, percent: UInt32, random: () -> UInt64) -> Nanoseconds {
        var milliseconds = span.rawValue / 1_000_000
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: UInt64(percent))
        let part = (overflow ? .max : product) / 100
        if part > 0 { milliseconds = milliseconds.saturatingSum(random() % part) }
        let bound = jitter.rawValue / 1_000_000
        if bound > 0 { milliseconds = milliseconds.saturatingSum(random() % bound) }
        return .milliseconds(max(milliseconds, 1))
    }
}

extension UInt64 {
    fileprivate func saturatingSum(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
