// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The instant after which nobody waits for an answer any more.
///
/// Deadlines go down as values: each layer may shorten one, none may extend it, and the transport enforces it.
public struct Deadline: Hashable, Comparable, Sendable {
    /// The instant at which the deadline passes; the last representable instant when there is none.
    public var instant: MeshInstant

    /// Creates a deadline at an instant.
    @inlinable
    public init(_ instant: MeshInstant) {
        self.instant = instant
    }

    /// No deadline.
    public static let never = Deadline(MeshInstant(nanoseconds: .max))

    /// Creates a deadline `timeout` after `now`.
    @inlinable
    public init(_ timeout: Nanoseconds, after now: MeshInstant) {
        self.instant = now.advanced(by: timeout)
    }

    /// Whether no instant is set.
    @inlinable
    public var isNever: Bool {
        instant.nanoseconds == .max
    }

    /// Whether the deadline has passed at `now`.
    @inlinable
    public func hasPassed(at now: MeshInstant) -> Bool {
        !isNever && now >= instant
    }

    /// The time left at `now`; `forever` without a deadline.
    @inlinable
    public func remaining(at now: MeshInstant) -> Nanoseconds {
        isNever ? .forever : instant.elapsed(since: now)
    }

    /// Brings the deadline forward; a later one changes nothing.
    @inlinable
    public mutating func shorten(to other: Deadline) {
        if other < self { self = other }
    }

    /// Whether the left deadline is the smaller one.
    @inlinable
    public static func < (lhs: Deadline, rhs: Deadline) -> Bool {
        lhs.instant < rhs.instant
    }
}
