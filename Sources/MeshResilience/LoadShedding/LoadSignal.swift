// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Something that knows how overloaded the service is.
///
/// It is read for every request, from any thread: it returns at once. What it says counts beside the shedder's own
/// signals; the greatest share counts.
public struct LoadSignal: Sendable {
    private let read: @Sendable () -> Double

    /// Creates a signal.
    /// - Parameter read: The share of the requests that is to be refused, 0 to 1.
    public init(_ read: @escaping @Sendable () -> Double) {
        self.read = read
    }

    /// The queue in front of an adaptive limit: nothing is refused until it is `from` times the limit long, everything
    /// from `to` times on, an even share in between.
    ///
    /// failsafe-go's factors are 2 and 3.
    public static func queue(of limit: AdaptiveLimit, from: Double = 2, to: Double = 3) -> LoadSignal {
        LoadSignal {
            LoadShedderStateMachine.share(Double(limit.queued) / Double(max(limit.limit, 1)), from: from, to: to)
        }
    }

    /// The queue in front of a bulkhead, likewise.
    public static func queue(of bulkhead: Bulkhead, from: Double = 2, to: Double = 3) -> LoadSignal {
        LoadSignal {
            LoadShedderStateMachine.share(Double(bulkhead.queued) / Double(max(bulkhead.limit, 1)), from: from, to: to)
        }
    }

    var share: Double { read() }
}
