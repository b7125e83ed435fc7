// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// Counts the attempts at the endpoints of one place of a cluster, for the control plane.
///
/// The counts only ever grow: an attempt costs one addition when it begins and one when it ends, and whoever reports
/// remembers what was told already. So nothing is lost or told twice, however the two meet.
public final class LocalityLoadStatistics: Sendable {
    fileprivate struct Told {
        var issued: UInt64 = 0
        var succeeded: UInt64 = 0
        var failed: UInt64 = 0
        /// Not told yet.
        var metrics: [String: LoadMetricSum] = [:]
    }

    /// The most metrics that are summed up between two reports; what goes beyond is left out. Ours: endpoints choose
    /// the names.
    public static let maximumMetrics = 256

    /// Which place it is.
    public let locality: Locality
    private let issued = Atomic<UInt64>(0)
    private let succeeded = Atomic<UInt64>(0)
    private let failed = Atomic<UInt64>(0)
    /// Those that ended and say nothing about their endpoint.
    private let abandoned = Atomic<UInt64>(0)
    private let told = Mutex(Told())

    init(_ locality: Locality) {
        self.locality = locality
    }

    /// An attempt begins.
    public func attemptBegan() {
        issued.wrappingAdd(1, ordering: .relaxed)
    }

    /// An attempt that began has ended.
    public func attemptEnded(_ outcome: Outcome) {
        // Who sees the end sees the beginning, too: there are never fewer than none under way.
        switch outcome {
        case .success: succeeded.wrappingAdd(1, ordering: .releasing)
        case .failure: failed.wrappingAdd(1, ordering: .releasing)
        case .ignored: abandoned.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// An endpoint has reported its load with an attempt's answer.
    public func reported(_ report: LoadReport, selecting selection: LoadMetricSelection) {
        told.withLock { told in
            selection.forEach(in: report) { name, value in
                told.add(name, LoadMetricSum(count: 1, total: value))
            }
        }
    }

    /// What happened since the last time.
    func take() -> LoadStatisticsReport.Place {
        told.withLock { told in
            var (begun, succeeded, failed, abandoned) = (
                issued.load(ordering: .acquiring), UInt64(0), UInt64(0), UInt64(0)
            )
            // What begins and ends while this is read must not count as under way: it is read again, a few times.
            for _ in 0..<4 {
                succeeded = self.succeeded.load(ordering: .acquiring)
                failed = self.failed.load(ordering: .acquiring)
                abandoned = self.abandoned.load(ordering: .acquiring)
                let before = begun
                begun = issued.load(ordering: .acquiring)
                if begun == before { break }
            }
            let place = LoadStatisticsReport.Place(
                locality: locality,
                issued: begun &- told.issued,
                succeeded: succeeded &- told.succeeded,
                failed: failed &- told.failed,
                inProgress: begun &- succeeded &- failed &- abandoned,
                metrics: told.metrics
            )
            told = Told(issued: begun, succeeded: succeeded, failed: failed)
            return place
        }
    }

    /// What was taken could not be told: it counts as not taken.
    func restore(_ place: LoadStatisticsReport.Place) {
        told.withLock { told in
            told.issued &-= place.issued
            told.succeeded &-= place.succeeded
            told.failed &-= place.failed
            for (name, sum) in place.metrics { told.add(name, sum) }
        }
    }
}

extension LocalityLoadStatistics.Told {
    fileprivate mutating func add(_ name: String, _ sum: LoadMetricSum) {
        guard metrics.count < LocalityLoadStatistics.maximumMetrics || metrics[name] != nil else { return }
        metrics[name] = metrics[name, default: LoadMetricSum()] + sum
    }
}
