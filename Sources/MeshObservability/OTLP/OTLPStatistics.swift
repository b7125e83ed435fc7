// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What became of a tracer's spans.
public struct OTLPStatistics: Hashable, Sendable {
    /// Spans that the exporter took.
    public var exported: UInt64
    /// Spans that did not fit into the queue.
    public var dropped: UInt64
    /// Spans that the exporter failed to take.
    public var failed: UInt64
    /// Why the exporter failed last.
    public var lastFailure: String?

    /// Creates statistics.
    public init(exported: UInt64 = 0, dropped: UInt64 = 0, failed: UInt64 = 0, lastFailure: String? = nil) {
        self.exported = exported
        self.dropped = dropped
        self.failed = failed
        self.lastFailure = lastFailure
    }
}
