// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// The load statistics of all clusters that have any: a mesh writes, and the sources of its configuration read.
///
/// A cluster that is gone stays until what is left of it was read, which may be more than once: requests to it may
/// still be under way.
public final class LoadStatisticsBook: Sendable {
    /// Which cluster it is.
    public struct Key: Hashable, Sendable {
        /// Who is to be told; empty for whoever asks.
        public var source: String
        /// The cluster's name.
        public var cluster: String
        /// The name of its endpoint assignment, where that is another one; otherwise empty.
        public var service: String

        /// Creates a key.
        public init(source: String, cluster: String, service: String) {
            self.source = source
            self.cluster = cluster
            self.service = service
        }

        fileprivate func concerns(_ source: String) -> Bool { self.source.isEmpty || self.source == source }
    }

    fileprivate struct State {
        var entries: [Key: ClusterLoadStatistics] = [:]
        var inForce: Set<Key> = []
        /// Those of clusters that are gone, in the order in which they went.
        var gone: [Key] = []
        var listeners: [UInt64: (source: String, wishes: AsyncStream<Bool>.Continuation)] = [:]
        var nextListener: UInt64 = 0
    }

    /// The most clusters that are gone and still to be told of; the oldest are forgotten first. Ours: there may be
    /// nobody who reads.
    public static let maximumGone = 1024

    private let state = Mutex(State())

    /// Creates an empty book.
    public init() {}

    /// Where a cluster's requests are counted: the same place as before if it was in force before.
    public func statistics(of key: Key, at now: MeshInstant) -> ClusterLoadStatistics {
        state.withLock { state in
            if let known = state.entries[key] { return known }
            let statistics = ClusterLoadStatistics(cluster: key.cluster, service: key.service, since: now)
            state.entries[key] = statistics
            return statistics
        }
    }

    /// These clusters are in force, and no others.
    public func configurationChanged(to keys: Set<Key>) {
        state.withLock { state in
            guard state.inForce != keys || state.entries.count != keys.count else { return }
            state.inForce = keys
            state.gone.removeAll { keys.contains($0) || state.entries[$0] == nil }
            let known = keys.union(state.gone)
            let newlyGone = state.entries.keys.filter { !known.contains($0) }
            state.gone += newlyGone.sorted { ($0.cluster, $0.service) < ($1.cluster, $1.service) }
            for key in state.gone.prefix(max(0, state.gone.count - Self.maximumGone)) { state.entries[key] = nil }
            state.gone = state.gone.suffix(Self.maximumGone)
            state.tell()
        }
    }

    /// What happened since the last time in the clusters of a source, in the order of their names; those without
    /// anything to tell are left out.
    /// - Parameters:
    ///   - source: Who asks.
    ///   - clusters: Which clusters it wants to know of; `nil` for all.
    public func take(for source: String, clusters: Set<String>?, at now: MeshInstant) -> [LoadStatisticsReport] {
        state.withLock { state in
            let keys = state.entries.keys.filter { $0.concerns(source) }
            var reports: [LoadStatisticsReport] = []
            for key in keys.sorted(by: { ($0.cluster, $0.service) < ($1.cluster, $1.service) }) {
                guard let entry = state.entries[key] else { continue }
                var isSpent = true
                if clusters?.contains(key.cluster) ?? true {
                    let report = entry.take(at: now)
                    if !report.isEmpty { reports.append(report) }
                    // Its last report is on its way for as long as another one is not due: whoever sends it is wanted.
                    isSpent = report.isEmpty && entry.isIdle
                }
                // Spent is also what nobody wants to know.
                if !state.inForce.contains(key), isSpent { state.entries[key] = nil }
            }
            state.gone.removeAll { state.entries[$0] == nil }
            state.tell()
            return reports
        }
    }

    /// What was taken could not be told: it counts as not taken.
    public func restore(_ reports: [LoadStatisticsReport], for source: String, at now: MeshInstant) {
        state.withLock { state in
            for report in reports {
                let key = Key(source: source, cluster: report.cluster, service: report.service)
                let shared = Key(source: "", cluster: report.cluster, service: report.service)
                if let known = state.entries[key] ?? state.entries[shared] {
                    known.restore(report)
                } else if state.gone.count < Self.maximumGone {
                    let entry = ClusterLoadStatistics(cluster: key.cluster, service: key.service, since: now)
                    entry.restore(report)
                    state.entries[key] = entry
                    state.gone.append(key)
                }
            }
            state.tell()
        }
    }

    /// Whether there is, or may be, something to tell a source: now, and each time that changes.
    public func wishes(of source: String) -> AsyncStream<Bool> {
        let (stream, wishes) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = (source, wishes)
            wishes.yield(state.isWanted(by: source))
            return state.nextListener
        }
        wishes.onTermination = { [weak self] _ in _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) } }
        return stream
    }
}

extension LoadStatisticsBook.State {
    fileprivate func isWanted(by source: String) -> Bool {
        entries.keys.contains { $0.concerns(source) }
    }

    fileprivate func tell() {
        for (source, wishes) in listeners.values { wishes.yield(isWanted(by: source)) }
    }
}
