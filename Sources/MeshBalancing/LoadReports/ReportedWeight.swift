// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The weight that follows from an endpoint's load reports, and since when there are any (gRFC A58).
///
/// Reading does not change it: who reads after an expiration, and who does not, find the same.
public struct ReportedWeight: Hashable, Sendable {
    /// What the last report that said something gave; above 0.
    public private(set) var value: Double
    /// When the first report came of those that none expired between.
    public private(set) var since: MeshInstant
    /// When the last one came.
    public private(set) var updatedAt: MeshInstant

    /// The first report has come.
    public init(_ value: Double, at now: MeshInstant) {
        self.init(value, since: now, updatedAt: now)
    }

    /// A weight of which all is known.
    init(_ value: Double, since: MeshInstant, updatedAt: MeshInstant) {
        self.value = value
        self.since = since
        self.updatedAt = updatedAt
    }

    /// Another report has come; after an expiration it is the first again.
    public mutating func update(_ value: Double, at now: MeshInstant, expiration: Nanoseconds) {
        if now.elapsed(since: updatedAt) >= expiration { since = now }
        self.value = value
        updatedAt = max(updatedAt, now)
    }

    /// The weight.
    /// - Returns: `nil` while reports have not come for long enough, and once none came for too long.
    public func usable(at now: MeshInstant, blackout: Nanoseconds, expiration: Nanoseconds) -> Double? {
        guard !isStale(at: now, expiration: expiration), now.elapsed(since: since) >= blackout else { return nil }
        return value
    }

    /// Whether no report came for too long.
    func isStale(at now: MeshInstant, expiration: Nanoseconds) -> Bool {
        now.elapsed(since: updatedAt) >= expiration
    }
}
