// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How much of a cluster's traffic each of its priorities gets, by the health of their endpoints (Envoy's priority levels,
/// degraded endpoints and panic thresholds).
///
/// A priority is as available as its healthy endpoints times the overprovisioning factor; what is missing goes on to the
/// next one, then to degraded endpoints. While all priorities together are not available to 100%, those with too few
/// endpoints are in panic, and use all of theirs.
public struct PriorityLoad: Hashable, Sendable {
    /// What is known of a priority.
    public struct Availability: Hashable, Sendable {
        /// How many endpoints it has.
        public var total: Int
        /// How many of them are healthy.
        public var healthy: Int
        /// How many of them are degraded.
        public var degraded: Int
        /// Its own overprovisioning factor in percent; `nil` for the cluster's.
        public var overprovisioningFactor: Int?

        /// Describes a priority.
        public init(total: Int, healthy: Int, degraded: Int = 0, overprovisioningFactor: Int? = nil) {
            self.total = total
            self.healthy = healthy
            self.degraded = degraded
            self.overprovisioningFactor = overprovisioningFactor
        }

        /// How much of its traffic so many of its endpoints can take, in percent.
        fileprivate func share(of count: Int, _ factor: Int) -> Int {
            total > 0 ? min(100, (overprovisioningFactor ?? factor) * count / total) : 0
        }
    }

    /// Which endpoints of a priority a request goes to.
    public enum Kind: Hashable, Sendable {
        case healthy
        case degraded
    }

    /// A priority, and which of its endpoints.
    public struct Choice: Hashable, Sendable {
        /// The priority.
        public var priority: Int
        /// Which of its endpoints.
        public var kind: Kind
    }

    /// By priority, the percentage of the traffic for its healthy endpoints, or for all of them where it is in panic.
    public private(set) var healthy: [Int]
    /// By priority, the percentage of the traffic for its degraded endpoints.
    public private(set) var degraded: [Int]
    /// By priority, whether all of its endpoints are used whatever their health.
    public private(set) var panics: [Bool]
    /// By priority, how available it is, in percent up to 100.
    private var healthyAvailability: [Int]
    private var degradedAvailability: [Int]

    /// Reckons the loads.
    /// - Parameters:
    ///   - priorities: The priorities, best first; there is at least one.
    ///   - overprovisioningFactor: In percent, at least 100.
    ///   - panicThreshold: Below which percentage of usable endpoints a priority is in panic; 0 for never.
    public init(_ priorities: [Availability], overprovisioningFactor: Int = 140, panicThreshold: Int = 50) {
        healthyAvailability = priorities.map { $0.share(of: $0.healthy, overprovisioningFactor) }
        degradedAvailability = priorities.map { $0.share(of: $0.degraded, overprovisioningFactor) }
        let none = Array(repeating: 0, count: priorities.count)
        (healthy, degraded) = (none, none)
        panics = Array(repeating: false, count: priorities.count)
        let sum = min(100, (healthyAvailability + degradedAvailability).reduce(0, +))
        if sum > 0 { distribute(healthyAvailability, degradedAvailability, of: sum) }
        guard sum < 100 else { return }
        if panicThreshold == 0 {
            // Nothing is there to go to, and the first priority says so.
            if sum == 0, !healthy.isEmpty { healthy[0] = 100 }
            return
        }
        panics = priorities.map { priority in
            guard priority.total > 0 else { return true }
            return 100 * (priority.healthy + priority.degraded) < min(panicThreshold, 100) * priority.total
        }
        if panics.allSatisfy(\.self) { distributeInPanic(priorities.map(\.total)) }
    }

    /// Everything to the first priority that has an endpoint to go to (gRFC A56).
    init(failingOver usable: [Bool]) {
        healthyAvailability = usable.map { $0 ? 100 : 0 }
        degradedAvailability = usable.map { _ in 0 }
        healthy = degradedAvailability
        degraded = degradedAvailability
        panics = usable.map { _ in false }
        if !usable.isEmpty { healthy[usable.firstIndex(of: true) ?? 0] = 100 }
    }

    /// As much as possible goes to healthy endpoints of good priorities, then to degraded ones; what rounding leaves over
    /// goes to the first that can take anything.
    private mutating func distribute(_ healthyShares: [Int], _ degradedShares: [Int], of sum: Int) {
        var left = 100
        for (priority, share) in healthyShares.enumerated() {
            healthy[priority] = min(left, share * 100 / sum)
            left -= healthy[priority]
        }
        for (priority, share) in degradedShares.enumerated() {
            degraded[priority] = min(left, share * 100 / sum)
            left -= degraded[priority]
        }
        guard left > 0 else { return }
        if let first = healthyShares.firstIndex(where: { $0 > 0 }) {
            healthy[first] += left
        } else if let first = degradedShares.firstIndex(where: { $0 > 0 }) {
            degraded[first] += left
        }
    }

    /// Where nothing is known to be well, traffic is spread by the number of endpoints.
    private mutating func distributeInPanic(_ totals: [Int]) {
        let sum = totals.reduce(0, +)
        guard sum > 0 else {
            if !healthy.isEmpty { healthy[0] = 100 }
            return
        }
        healthy = totals.map { 100 * $0 / sum }
        degraded = totals.map { _ in 0 }
        if let first = totals.firstIndex(where: { $0 > 0 }) { healthy[first] += 100 - healthy.reduce(0, +) }
    }

    /// The loads for a request that has been to some priorities and is to avoid them (Envoy's
    /// `envoy.retry_priorities.previous_priorities`).
    /// - Parameter priorities: A bit for each of them.
    /// - Returns: `nil` if no other priority can take anything.
    public func avoiding(_ priorities: UInt64) -> PriorityLoad? {
        let left = { (shares: [Int]) in
            shares.enumerated().map { $0.offset < 64 && priorities >> UInt64($0.offset) & 1 == 1 ? 0 : $0.element }
        }
        let (healthyShares, degradedShares) = (left(healthyAvailability), left(degradedAvailability))
        let sum = min(100, (healthyShares + degradedShares).reduce(0, +))
        guard sum > 0 else { return nil }
        var other = self
        other.healthy = healthy.map { _ in 0 }
        other.degraded = degraded.map { _ in 0 }
        // Rounds, until what rounding leaves over is spread, too.
        var rest = 100
        while rest > 0 {
            for (priority, share) in healthyShares.enumerated() {
                let part = min(rest, share * 100 / sum)
                other.healthy[priority] += part
                rest -= part
            }
            for (priority, share) in degradedShares.enumerated() {
                let part = min(rest, share * 100 / sum)
                other.degraded[priority] += part
                rest -= part
            }
        }
        return other
    }

    /// The priority for a number, and which of its endpoints.
    /// - Parameter number: A random number, or the request's hash: the same one leads to the same priority.
    public func choice(for number: UInt64) -> Choice {
        let percentile = Int(number % 100) + 1
        var sum = 0
        for (priority, share) in healthy.enumerated() {
            sum += share
            if percentile <= sum { return Choice(priority: priority, kind: .healthy) }
        }
        for (priority, share) in degraded.enumerated() {
            sum += share
            if percentile <= sum { return Choice(priority: priority, kind: .degraded) }
        }
        return Choice(priority: 0, kind: .healthy)
    }
}
