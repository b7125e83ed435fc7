// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Counts what happens to the requests to one cluster, for the control plane.
public final class ClusterLoadStatistics: Sendable {
    fileprivate struct State {
        var places: [Locality: LocalityLoadStatistics] = [:]
        var dropped: [String: UInt64] = [:]
        var overLimit: UInt64 = 0
        var since: MeshInstant
        var reports: UInt64 = 0
    }

    /// The most categories of dropped requests that are counted between two reports; further ones count as `other`.
    /// Ours: there may be nobody who reads.
    public static let maximumCategories = 256

    /// The cluster.
    public let cluster: String
    /// The name of its endpoint assignment, where that is another one; otherwise empty.
    public let service: String
    private let state: Mutex<State>

    init(cluster: String, service: String, since now: MeshInstant) {
        self.cluster = cluster
        self.service = service
        self.state = Mutex(State(since: now))
    }

    /// The counts of a place, which last as long as somebody counts there.
    public func place(_ locality: Locality) -> LocalityLoadStatistics {
        state.withLock { state in
            if let known = state.places[locality] { return known }
            let place = LocalityLoadStatistics(locality)
            state.places[locality] = place
            return place
        }
    }

    /// A request was dropped as the control plane wants.
    public func dropped(_ category: String) {
        state.withLock { $0.drop(category, 1) }
    }

    /// A request was refused because the cluster's limit is reached.
    public func refusedOverLimit() {
        state.withLock { $0.overLimit &+= 1 }
    }

    /// How many reports were taken, and since when the next one counts.
    public var progress: (reports: UInt64, since: MeshInstant) {
        state.withLock { ($0.reports, $0.since) }
    }

    /// Whether nobody counts here any more, as far as places go: none is left that somebody has.
    var isIdle: Bool { state.withLock { $0.places.isEmpty } }

    /// What happened since the last time.
    func take(at now: MeshInstant) -> LoadStatisticsReport {
        state.withLock { state in
            var report = LoadStatisticsReport(
                cluster: cluster,
                service: service,
                dropped: state.dropped,
                overLimit: state.overLimit,
                span: now.elapsed(since: state.since)
            )
            for locality in state.places.keys.sorted(by: { $0.parts.lexicographicallyPrecedes($1.parts) }) {
                // Whoever counts here has it: if nobody else has, what is taken now is the last of it. Asked before it
                // is taken, so that nothing comes in between.
                let isLast = isKnownUniquelyReferenced(&state.places[locality])
                guard let place = state.places[locality]?.take() else { continue }
                if isLast { state.places[locality] = nil }
                if !place.isEmpty { report.places.append(place) }
            }
            state.dropped = [:]
            state.overLimit = 0
            state.since = now
            state.reports &+= 1
            return report
        }
    }

    /// What was taken could not be told: it counts as not taken.
    func restore(_ report: LoadStatisticsReport) {
        for place in report.places { self.place(place.locality).restore(place) }
        state.withLock { state in
            for (category, count) in report.dropped { state.drop(category, count) }
            state.overLimit &+= report.overLimit
            let before = state.since.nanoseconds
            state.since = MeshInstant(nanoseconds: before - min(before, report.span.rawValue))
            state.reports -= min(state.reports, 1)
        }
    }
}

extension ClusterLoadStatistics.State {
    fileprivate mutating func drop(_ category: String, _ count: UInt64) {
        let isCounted = dropped.count < ClusterLoadStatistics.maximumCategories || dropped[category] != nil
        dropped[isCounted ? category : "other", default: 0] &+= count
    }
}

extension Locality {
    fileprivate var parts: [String] { [region, zone, subZone] }
}
