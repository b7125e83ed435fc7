// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which endpoints of a cluster are ejected, and for how long. Endpoints are named by their address.
///
/// Intervals follow one another from the machine's creation on. Ejections end with one of them, so that an endpoint returns when
/// Envoy would let it return, whether or not somebody looks then.
public struct OutlierDetectionStateMachine: Sendable {
    /// How an endpoint's requests of an interval turned out.
    public struct Rate: Hashable, Sendable {
        /// All of them.
        public var total: UInt64
        /// Those that failed.
        public var failures: UInt64

        /// Creates a rate; what fails beyond the total does not count.
        public init(total: UInt64 = 0, failures: UInt64 = 0) {
            self.total = total
            self.failures = min(failures, total)
        }

        /// Successes of a hundred.
        var successPercentage: Double { Double(total - failures) * 100 / Double(total) }
    }

    /// What was counted of an endpoint in an interval.
    public struct Sample: Hashable, Sendable {
        /// The endpoint.
        public var address: EndpointAddress
        /// Its answers.
        public var answers: Rate
        /// Whether it was reached and answered at all, where that is counted apart.
        public var localOrigin: Rate

        /// Creates a sample.
        public init(_ address: EndpointAddress, answers: Rate, localOrigin: Rate = Rate()) {
            self.address = address
            self.answers = answers
            self.localOrigin = localOrigin
        }
    }

    /// An endpoint broke a rule.
    public struct Finding: Hashable, Sendable {
        /// What follows.
        public enum Consequence: Hashable, Sendable {
            /// It is ejected.
            case ejected(until: MeshInstant)
            /// Nothing: the rule is enforced in a part of the cases only.
            case notEnforced
            /// Nothing: too many are ejected.
            case overLimit
        }

        /// The endpoint.
        public var address: EndpointAddress
        /// The rule.
        public var cause: OutlierCause
        /// What follows.
        public var consequence: Consequence
    }

    /// What follows of an event.
    public struct Action: Hashable, Sendable {
        /// Who broke a rule.
        public var findings: [Finding] = []
        /// The endpoints whose ejection is over, each told of once.
        public var returned: [EndpointAddress] = []
    }

    fileprivate struct Record {
        /// Until when it is ejected; `nil` while it gets traffic.
        var ejectedUntil: MeshInstant?
        /// How many times the base time its last ejection lasted; less one for each interval since.
        var backoff: UInt64 = 0
        /// When its back-off shrinks next.
        var forgivenAt: MeshInstant?
    }

    private let configuration: OutlierDetection
    private var records: [EndpointAddress: Record] = [:]
    /// How many endpoints are ejected.
    public private(set) var ejectedCount = 0
    /// The end of the interval.
    public private(set) var nextInterval: MeshInstant

    /// Creates a machine that has ejected nobody.
    /// - Parameter now: When the first interval begins.
    public init(_ configuration: OutlierDetection, at now: MeshInstant) {
        var configuration = configuration
        // What was not validated has intervals all the same.
        configuration.interval = max(configuration.interval, Nanoseconds(rawValue: 1))
        self.configuration = configuration
        self.nextInterval = now.advanced(by: configuration.interval)
    }

    /// An endpoint has failed as many times in a row as a rule tolerates.
    /// - Parameters:
    ///   - endpointCount: How many endpoints the cluster has.
    ///   - random: Draws a number.
    public mutating func streakReached(
        _ cause: OutlierCause,
        _ address: EndpointAddress,
        endpointCount: Int,
        at now: MeshInstant,
        random: () -> UInt64
    ) -> Action {
        var action = Action(returned: endEjections(at: now))
        if let finding = found(cause, address, endpointCount: endpointCount, at: now, random) {
            action.findings.append(finding)
        }
        return action
    }

    /// Time has passed: where an interval is over, rates are judged and ejections end.
    /// - Parameters:
    ///   - samples: What was counted of each endpoint of the cluster since the last interval.
    ///   - random: Draws a number.
    public mutating func timePassed(at now: MeshInstant, _ samples: [Sample], random: () -> UInt64) -> Action {
        guard nextInterval <= now else { return Action() }
        let late = now.elapsed(since: nextInterval).rawValue / configuration.interval.rawValue
        nextInterval = instant(after: nextInterval, intervals: late)
        // Envoy lets endpoints return, and forgives, before it ejects others; gRPC does it afterwards (gRFC A50).
        var action = Action(returned: configuration.mode == .envoy ? endEjections(at: now) : [])
        judge(samples.map { ($0.address, $0.answers) }, .successRate, .failurePercentage, at: now, &action, random)
        judge(
            samples.map { ($0.address, $0.localOrigin) },
            .localOriginSuccessRate,
            .localOriginFailurePercentage,
            at: now,
            &action,
            random
        )
        if configuration.mode == .grpc { action.returned = endEjections(at: now) }
        nextInterval = nextInterval.advanced(by: configuration.interval)
        return action
    }

    /// Somebody has found an endpoint well: its ejection is over.
    /// - Returns: Whether it was ejected.
    public mutating func foundWell(_ address: EndpointAddress, at now: MeshInstant) -> Bool {
        guard var record = records[address], record.ejectedUntil != nil else { return false }
        record.ejectedUntil = nil
        record.forgivenAt = now.advanced(by: configuration.interval)
        records[address] = record
        ejectedCount -= 1
        return true
    }

    /// The cluster has these endpoints now; what is known of others is forgotten.
    public mutating func endpointsChanged(_ addresses: Set<EndpointAddress>) {
        records = records.filter { addresses.contains($0.key) }
        ejectedCount = records.values.count { $0.ejectedUntil != nil }
    }
}

// Rates
extension OutlierDetectionStateMachine {
    /// Looks who does worse than the others, and who does badly.
    private mutating func judge(
        _ rates: [(address: EndpointAddress, rate: Rate)],
        _ outlier: OutlierCause,
        _ failing: OutlierCause,
        at now: MeshInstant,
        _ action: inout Action,
        _ random: () -> UInt64
    ) {
        let known = rates.filter { $0.rate.total > 0 && records[$0.address]?.ejectedUntil == nil }
        var found: [(EndpointAddress, OutlierCause)] = []
        if let rule = configuration.successRate {
            let judged = known.filter { $0.rate.total >= rule.requestVolume }
            if let least = Self.leastSuccess(judged.map(\.rate.successPercentage), rule) {
                found += judged.filter { $0.rate.successPercentage < least }.map { ($0.address, outlier) }
            }
        }
        if let rule = configuration.failurePercentage {
            let judged = known.filter { $0.rate.total >= rule.requestVolume }
            if judged.count >= Int(rule.minimumEndpoints) {
                found += judged.filter { fails($0.rate, rule) }.map { ($0.address, failing) }
            }
        }
        for (address, cause) in found {
            let finding = self.found(cause, address, endpointCount: rates.count, at: now, random)
            if let finding { action.findings.append(finding) }
        }
    }

    /// Below which percentage of successes an endpoint is an outlier: the mean less so many standard deviations, of all that were
    /// judged; `nil` if these are too few. 52 for 50, 100, 100, 100 and 100.
    static func leastSuccess(_ rates: [Double], _ rule: OutlierDetection.SuccessRate) -> Double? {
        guard !rates.isEmpty, rates.count >= Int(rule.minimumEndpoints) else { return nil }
        let count = Double(rates.count)
        let mean = rates.reduce(0, +) / count
        let variance = rates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        return mean - variance.squareRoot() * Double(rule.standardDeviationFactor) / 1000
    }

    private func fails(_ rate: Rate, _ rule: OutlierDetection.FailurePercentage) -> Bool {
        let failures = 100 - rate.successPercentage
        return switch configuration.mode {
        case .envoy: failures >= Double(rule.threshold)
        case .grpc: failures > Double(rule.threshold)
        }
    }
}

// Ejections
extension OutlierDetectionStateMachine {
    private mutating func found(
        _ cause: OutlierCause,
        _ address: EndpointAddress,
        endpointCount: Int,
        at now: MeshInstant,
        _ random: () -> UInt64
    ) -> Finding? {
        var record = records[address] ?? Record()
        guard record.ejectedUntil == nil else { return nil }
        guard hasRoom(of: endpointCount) else {
            return Finding(address: address, cause: cause, consequence: .overLimit)
        }
        let enforcing = configuration.enforcing(cause)
        guard enforcing >= 100 || random() % 100 < UInt64(enforcing) else {
            return Finding(address: address, cause: cause, consequence: .notEnforced)
        }
        let end = now.advanced(by: record.lengthen(by: configuration, random))
        // The first interval that ends then or later.
        let wait = end.elapsed(since: nextInterval).rawValue
        let until = instant(
            after: nextInterval,
            intervals: wait / configuration.interval.rawValue + (wait % configuration.interval.rawValue == 0 ? 0 : 1)
        )
        record.ejectedUntil = until
        records[address] = record
        ejectedCount += 1
        return Finding(address: address, cause: cause, consequence: .ejected(until: until))
    }

    /// Whether one more may be ejected.
    private func hasRoom(of endpointCount: Int) -> Bool {
        let limit = Int(configuration.maximumEjectionPercent) * endpointCount
        return switch configuration.mode {
        case .envoy:
            100 * (ejectedCount + 1) <= limit || configuration.alwaysEjectsOneEndpoint && ejectedCount == 0
        case .grpc: 100 * ejectedCount < limit
        }
    }

    /// Ends the ejections whose time is over, and forgives the others with each interval.
    private mutating func endEjections(at now: MeshInstant) -> [EndpointAddress] {
        var returned: [EndpointAddress] = []
        for (address, record) in records {
            var record = record
            if let until = record.ejectedUntil, until <= now {
                record.ejectedUntil = nil
                record.forgivenAt = until.advanced(by: configuration.interval)
                returned.append(address)
            }
            if record.ejectedUntil == nil, let forgivenAt = record.forgivenAt, forgivenAt <= now {
                let intervals = now.elapsed(since: forgivenAt).rawValue / configuration.interval.rawValue
                record.forgivenAt = instant(after: forgivenAt, intervals: intervals).advanced(
                    by: configuration.interval
                )
                record.backoff -= min(record.backoff, intervals.addingReportingOverflow(1).partialValue)
            }
            let isForgotten = record.ejectedUntil == nil && record.backoff == 0
            records[address] = isForgotten ? nil : record
        }
        ejectedCount -= returned.count
        return returned.sorted { $0.description < $1.description }
    }

    private func instant(after instant: MeshInstant, intervals: UInt64) -> MeshInstant {
        instant.advanced(by: configuration.interval.multiplied(by: intervals))
    }
}

extension OutlierDetectionStateMachine.Record {
    /// Notes a further ejection.
    /// - Returns: How long it lasts at least.
    fileprivate mutating func lengthen(by configuration: OutlierDetection, _ random: () -> UInt64) -> Nanoseconds {
        let base = configuration.baseEjectionTime
        let cap = max(configuration.maximumEjectionTime, base)
        switch configuration.mode {
        case .envoy:
            // Envoy's back-off stops growing one base time behind the longest ejection.
            let bound = MeshInstant(nanoseconds: cap.rawValue).advanced(by: base).nanoseconds
            if base.multiplied(by: backoff).rawValue < bound { backoff += 1 }
        case .grpc:
            if backoff < .max { backoff += 1 }
        }
        let duration = min(base.multiplied(by: backoff), cap)
        let jitter = configuration.maximumEjectionTimeJitter.rawValue / 1_000_000
        guard configuration.mode == .envoy, jitter > 0 else { return duration }
        return duration.adding(.milliseconds(random() % (jitter + 1)))
    }
}

extension Nanoseconds {
    /// As many times as long; forever instead of overflowing.
    fileprivate func multiplied(by count: UInt64) -> Nanoseconds {
        let (product, overflow) = rawValue.multipliedReportingOverflow(by: count)
        return overflow ? .forever : Nanoseconds(rawValue: product)
    }

    fileprivate func adding(_ other: Nanoseconds) -> Nanoseconds {
        let (sum, overflow) = rawValue.addingReportingOverflow(other.rawValue)
        return overflow ? .forever : Nanoseconds(rawValue: sum)
    }
}
