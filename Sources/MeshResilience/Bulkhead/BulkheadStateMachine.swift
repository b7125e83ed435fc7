// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Places under a limit and the queue in front of them. It decides who enters and who is next, and wakes nobody.
///
/// Whoever changes it (`placeReturned`, `limitChanged`) asks `nextSettlement` until it is `nil`: that says who gets the
/// places that are free. A newcomer never overtakes the queue, so that a place cannot be taken in between.
public struct BulkheadStateMachine: Sendable {
    /// Names a call that waits; not used again.
    public struct WaiterID: Hashable, Sendable {
        let slot: Int
        let serial: UInt64
    }

    /// What a call that wants a place is told.
    public enum Answer: Hashable, Sendable {
        /// It has a place.
        case admitted
        /// It waits until then at the latest; the one it displaces, if any, is refused because the queue is full.
        case queued(WaiterID, until: MeshInstant, displacing: WaiterID?)
        /// It is refused.
        case refused(PolicyDecision.Reason)
    }

    /// What a call would have been told by a bulkhead that acts.
    public enum Observation: Hashable, Sendable {
        /// It would have had a place, and has it.
        case admitted
        /// It would have waited; it counts, as it would in the queue.
        case queued
        /// It would have been refused; it does not count.
        case refused(PolicyDecision.Reason)
    }

    /// What becomes of a call that waited.
    public enum Settlement: Hashable, Sendable {
        /// It has a place.
        case admitted(WaiterID)
        /// It is refused.
        case refused(WaiterID, PolicyDecision.Reason)
    }

    /// The most calls under way.
    public private(set) var limit: Int
    /// The calls under way; more than the limit for a while after it has shrunk.
    public private(set) var inFlight = 0
    private var queue = WaitQueue()
    private let maximumQueued: Int
    private let maximumWait: Nanoseconds
    private let order: BulkheadConfiguration.Order
    /// When the queue stopped being empty.
    private var fillsSince = MeshInstant(nanoseconds: 0)

    /// Creates an empty bulkhead.
    public init(_ configuration: BulkheadConfiguration) {
        self.limit = max(configuration.maximumConcurrent, 0)
        self.maximumQueued = max(configuration.maximumQueued, 0)
        self.maximumWait = configuration.maximumWait
        self.order = configuration.order
    }

    /// The calls that wait.
    public var queued: Int { queue.count }

    /// A place is wanted by a call that does not wait.
    /// - Returns: `false` if there is none, or others wait for it.
    public mutating func placeWanted() -> Bool {
        guard inFlight < limit, queue.isEmpty else { return false }
        inFlight += 1
        return true
    }

    /// A place is wanted by a call that waits if it may.
    public mutating func callWanted(at now: MeshInstant, deadline: Deadline = .never) -> Answer {
        if placeWanted() { return .admitted }
        guard maximumQueued > 0 else { return .refused(.limit) }
        // Whoever waits for an answer that nobody wants any more only keeps others from theirs.
        guard !deadline.hasPassed(at: now) else { return .refused(.deadline) }
        let stands = isStanding(at: now)
        let byPatience = now.advanced(by: patience(stands: stands))
        var displaced: WaiterID?
        if queue.count >= maximumQueued {
            guard stands, let oldest = queue.oldest else { return .refused(.queueFull) }
            _ = queue.remove(oldest)
            displaced = oldest
        }
        if queue.isEmpty, displaced == nil { fillsSince = now }
        let endsByDeadline = deadline.instant < byPatience
        let until = endsByDeadline ? deadline.instant : byPatience
        let id = queue.append(since: now, until: until, endsByDeadline: endsByDeadline)
        return .queued(id, until: until, displacing: displaced)
    }

    /// A call passes in any case: the bulkhead only observes.
    public mutating func callObserved() -> Observation {
        guard inFlight >= limit else {
            inFlight += 1
            return .admitted
        }
        guard maximumQueued > 0 else { return .refused(.limit) }
        guard inFlight - limit < maximumQueued else { return .refused(.queueFull) }
        inFlight += 1
        return .queued
    }

    /// A call enters beyond the limit, because somebody guarantees it a place.
    public mutating func placeTaken() {
        inFlight += 1
    }

    /// A call that had a place has ended.
    /// - Returns: Whether somebody waits, so that `nextSettlement` has to be asked.
    public mutating func placeReturned() -> Bool {
        inFlight = max(inFlight - 1, 0)
        return !queue.isEmpty
    }

    /// The limit is another from now on. Calls under way stay; where there are too many, the next places are not given
    /// out again.
    /// - Returns: Whether somebody waits, so that `nextSettlement` has to be asked.
    public mutating func limitChanged(to newLimit: Int) -> Bool {
        limit = max(newLimit, 0)
        return !queue.isEmpty
    }

    /// A call that waits gives up.
    /// - Returns: `false` if it does not wait any more: what was decided before holds.
    public mutating func waiterLeft(_ id: WaiterID) -> Bool {
        queue.remove(id) != nil
    }

    /// The time of a call that waits is up.
    /// - Returns: Why it is refused; `nil` if it does not wait any more.
    public mutating func waiterTimedOut(_ id: WaiterID) -> PolicyDecision.Reason? {
        queue.remove(id).map(\.reasonToRefuse)
    }

    /// What is to be done next for those who wait; to be asked until it is `nil`.
    /// - Complexity: O(1).
    public mutating func nextSettlement(at now: MeshInstant) -> Settlement? {
        let stands = isStanding(at: now)
        if inFlight < limit, let next = stands || order == .lifo ? queue.newest : queue.oldest,
            let waiter = queue.remove(next)
        {
            guard now < waiter.until else { return .refused(next, waiter.reasonToRefuse) }
            inFlight += 1
            return .admitted(next)
        }
        // The newest was served first, so that no place stays empty while the queue is cleared.
        guard stands, case .controlledDelay(let target, _) = order, let oldest = queue.oldest,
            let waiter = queue[oldest], now.elapsed(since: waiter.since) > target
        else { return nil }
        _ = queue.remove(oldest)
        return .refused(oldest, .waitTooLong)
    }

    /// Whether controlled delay finds that the queue has not been empty for an interval.
    private func isStanding(at now: MeshInstant) -> Bool {
        guard case .controlledDelay(_, let interval) = order, !queue.isEmpty else { return false }
        return now.elapsed(since: fillsSince) >= interval
    }

    private func patience(stands: Bool) -> Nanoseconds {
        guard case .controlledDelay(let target, let interval) = order else { return maximumWait }
        return min(maximumWait, stands ? target : interval)
    }

    /// What must always hold; checked by tests after every step.
    package func checkInvariants() -> Bool {
        let arrivals = queue.arrivals
        return inFlight >= 0 && limit >= 0 && arrivals.count == queue.count && queue.count <= maximumQueued
            && zip(arrivals, arrivals.dropFirst()).allSatisfy { $0 <= $1 }
    }
}

extension WaitQueue.Waiter {
    fileprivate var reasonToRefuse: PolicyDecision.Reason { endsByDeadline ? .deadline : .waitTooLong }
}
