// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a command did lately: counts of the last ten seconds, latencies of the last minute.
public struct CommandMetrics: Hashable, Sendable {
    /// Latencies by percentile.
    public struct Latencies: Hashable, Sendable {
        /// The percentiles that Hystrix' stream carries.
        public static let percentiles: [Double] = [0, 25, 50, 75, 90, 95, 99, 99.5, 100]

        /// The arithmetic mean; zero without values.
        public var mean: Nanoseconds
        /// The latency at each of `percentiles`; zeros without values.
        public var values: [Nanoseconds]

        /// Computes them from latencies that are sorted: a percentile between two values is interpolated.
        init(sorted latencies: [UInt64]) {
            guard !latencies.isEmpty else {
                self.mean = .zero
                self.values = Self.percentiles.map { _ in .zero }
                return
            }
            let sum = latencies.reduce(0.0) { $0 + Double($1) }
            // A sum of the longest times is rounded to more than fits.
            self.mean = Nanoseconds(rawValue: UInt64(exactly: (sum / Double(latencies.count)).rounded()) ?? .max)
            self.values = Self.percentiles.map { Self.value(at: $0, of: latencies) }
        }

        private static func value(at percentile: Double, of sorted: [UInt64]) -> Nanoseconds {
            let rank = percentile / 100 * Double(sorted.count - 1)
            let below = Int(rank)
            guard below + 1 < sorted.count else { return Nanoseconds(rawValue: sorted[sorted.count - 1]) }
            let step = (Double(sorted[below + 1] - sorted[below]) * (rank - Double(below))).rounded()
            return Nanoseconds(rawValue: sorted[below] + (UInt64(exactly: step) ?? 0))
        }
    }

    /// The command's name.
    public var name: String
    /// The group that it is shown in.
    public var group: String
    /// When the figures were taken, on the command's clock.
    public var takenAt: MeshInstant
    /// Whether the circuit refuses calls.
    public var isCircuitOpen: Bool
    /// Calls under way.
    public var concurrency: Int
    /// The most calls that were under way at once in the last ten seconds.
    public var maximumConcurrency: Int
    /// The time that operations took.
    public var execution: Latencies
    /// The time that callers waited, with queue and fallback.
    public var total: Latencies
    /// How often each event happened, by its raw value.
    var counts: [Int]

    /// How often an event happened in the last ten seconds.
    public func count(of event: CommandEvent) -> Int {
        counts[event.rawValue]
    }

    /// Calls that count for or against the peer.
    ///
    /// Hystrix counts its own refusals as failures, so that an open circuit keeps itself open; here they do not count.
    public var requests: Int {
        count(of: .success) + errors
    }

    /// Calls that failed or took too long.
    public var errors: Int {
        count(of: .failure) + count(of: .timeout)
    }

    /// The share of `errors` in `requests`, 0 to 100, cut to a whole number as Hystrix does.
    public var errorPercentage: Int {
        requests == 0 ? 0 : errors * 100 / requests
    }
}
