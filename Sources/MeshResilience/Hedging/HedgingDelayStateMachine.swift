// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// Which delay is in force: a fixed one, or the percentile as it was when it was last computed.
package struct HedgingDelayStateMachine: Sendable {
    private let percentile: HedgingPercentile?
    private var histogram: SlidingLatencyHistogram?
    private var delay: Nanoseconds?
    private var refreshAt: MeshInstant

    /// Creates the state of hedging that has seen no call.
    package init(_ delay: HedgingDelay, at now: MeshInstant) {
        self.percentile = if case .percentile(let percentile) = delay { percentile } else { nil }
        self.histogram = percentile.map { percentile in
            SlidingLatencyHistogram(
                highest: percentile.highestTrackable,
                slices: percentile.slices,
                sliceWidth: percentile.sliceDuration,
                at: now
            )
        }
        self.delay = if case .fixed(let fixed) = delay { fixed } else { nil }
        self.refreshAt = now.advanced(by: percentile?.refreshInterval ?? .forever)
    }

    /// The delay in force; `nil` while no timer is to be started: there are not enough calls, or the percentile lies above
    /// what is tracked, or only failures are hedged.
    package mutating func currentDelay(at now: MeshInstant) -> Nanoseconds? {
        guard let percentile, now >= refreshAt else { return delay }
        refreshAt = now.advanced(by: percentile.refreshInterval)
        histogram?.forgetOldSlices(at: now)
        guard let histogram, histogram.count >= percentile.minimumCalls else {
            delay = nil
            return nil
        }
        delay = histogram.value(at: percentile.percentile).map { max($0, percentile.minimumDelay) }
        return delay
    }

    /// The first attempt of a call has ended, or was cancelled after so long because another won.
    package mutating func attemptEnded(after latency: Nanoseconds, at now: MeshInstant) {
        histogram?.add(latency, at: now)
    }
}
