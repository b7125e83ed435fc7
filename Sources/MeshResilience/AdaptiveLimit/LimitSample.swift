// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What one call, or a window of calls, says about the peer.
public struct LimitSample: Hashable, Sendable {
    /// How long it took.
    public var rtt: Nanoseconds
    /// How many calls were under way when it began, with it.
    public var inFlight: Int
    /// Whether it was dropped: it ran into a timeout, or the peer refused it for want of capacity.
    public var isDrop: Bool
    /// When it began.
    public var startedAt: MeshInstant
    /// When it ended.
    public var endedAt: MeshInstant

    /// Creates the sample of a call that took `rtt` and ended at `endedAt`.
    public init(rtt: Nanoseconds, inFlight: Int, isDrop: Bool = false, endedAt: MeshInstant) {
        self.rtt = rtt
        self.inFlight = inFlight
        self.isDrop = isDrop
        self.startedAt = MeshInstant(
            nanoseconds: endedAt.nanoseconds > rtt.rawValue ? endedAt.nanoseconds - rtt.rawValue : 0
        )
        self.endedAt = endedAt
    }
}
