// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A monotonic instant: nanoseconds since an arbitrary start that does not move while the process lives.
public struct MeshInstant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: UInt64

    /// Creates an instant from nanoseconds since the clock's start.
    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Whether the left instant is the smaller one.
    @inlinable
    public static func < (lhs: MeshInstant, rhs: MeshInstant) -> Bool {
        lhs.nanoseconds < rhs.nanoseconds
    }

    /// The instant `duration` later; saturates instead of overflowing, so that "forever" stays forever.
    @inlinable
    public func advanced(by duration: Nanoseconds) -> MeshInstant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.rawValue)
        return MeshInstant(nanoseconds: overflow ? .max : sum)
    }

    /// The time from `earlier` to this instant; zero when `earlier` is in fact later.
    @inlinable
    public func elapsed(since earlier: MeshInstant) -> Nanoseconds {
        Nanoseconds(rawValue: nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0)
    }
}
