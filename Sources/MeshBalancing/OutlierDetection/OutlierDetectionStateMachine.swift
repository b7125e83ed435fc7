// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which endpoints of a cluster are ejected, and for how long. Endpoints are named by their address.
public struct OutlierDetectionStateMachine: Sendable {
    /// What follows when an endpoint has failed too often.
    public struct FailuresReachedAction: Hashable, Sendable {
        /// Until when it is ejected; `nil` if it is ejected already, or if too many others are.
        public var ejectedUntil: MeshInstant?
        /// The endpoints whose ejection turned out to be over, and that nobody reported yet.
        public var returned: [EndpointAddress]
    }

    private struct Record {
        /// Until when it is ejected; `nil` while it gets traffic.
        var ejectedUntil: MeshInstant?
        /// How many times the base time its next ejection lasts, less one.
        var multiplier: UInt64 = 0
        /// When its multiplier shrinks next.
        var forgivenAt: MeshInstant?
    }

    private let configuration: OutlierDetection
    private var records: [EndpointAddress: Record] = [:]

    /// Creates a machine that has ejected nobody.
    public init(_ configuration: OutlierDetection) {
        self.configuration = configuration
    }

    /// How many endpoints are ejected.
    public var ejectedCount: Int {
        records.values.count { $0.ejectedUntil != nil }
    }

    /// An endpoint has failed as many times in a row as the configuration tolerates.
    /// - Parameter endpointCount: How many endpoints the cluster has.
    public mutating func failuresReached(
        _ address: EndpointAddress,
        endpointCount: Int,
        at now: MeshInstant
    ) -> FailuresReachedAction {
        var action = FailuresReachedAction(ejectedUntil: nil, returned: intervalPassed(at: now))
        var record = records[address] ?? Record()
        guard record.ejectedUntil == nil else { return action }
        // Envoy ejects if the share stays within the limit with this endpoint in it.
        guard 100 * (ejectedCount + 1) <= Int(configuration.maximumEjectionPercent) * endpointCount else {
            return action
        }
        let cap = max(configuration.maximumEjectionTime, configuration.baseEjectionTime)
        let (product, overflow) = configuration.baseEjectionTime.rawValue
            .multipliedReportingOverflow(by: record.multiplier + 1)
        let duration = overflow ? cap : min(Nanoseconds(rawValue: product), cap)
        if duration < cap { record.multiplier += 1 }
        let until = now.advanced(by: duration)
        record.ejectedUntil = until
        records[address] = record
        action.ejectedUntil = until
        return action
    }

    /// Time has passed.
    /// - Returns: The endpoints that get traffic again.
    public mutating func intervalPassed(at now: MeshInstant) -> [EndpointAddress] {
        var returned: [EndpointAddress] = []
        for (address, record) in records {
            var record = record
            if let until = record.ejectedUntil, until <= now {
                record.ejectedUntil = nil
                record.forgivenAt = until.advanced(by: configuration.interval)
                returned.append(address)
            }
            // One step less for each interval without an ejection.
            while record.ejectedUntil == nil, let forgivenAt = record.forgivenAt, forgivenAt <= now,
                record.multiplier > 0
            {
                record.multiplier -= 1
                record.forgivenAt = forgivenAt.advanced(by: configuration.interval)
            }
            let isForgotten = record.ejectedUntil == nil && record.multiplier == 0
            records[address] = isForgotten ? nil : record
        }
        return returned.sorted { $0.description < $1.description }
    }

    /// The cluster has these endpoints now; what is known of others is forgotten.
    public mutating func endpointsChanged(_ addresses: Set<EndpointAddress>) {
        records = records.filter { addresses.contains($0.key) }
    }
}
