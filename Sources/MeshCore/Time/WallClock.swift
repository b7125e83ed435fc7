// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The time of day, for what peers say in dates (`Retry-After`, `x-ratelimit-reset`); never for measuring.
///
/// It may jump in either direction, so that nothing but a date from outside is compared with it.
public struct WallClock: Sendable {
    private let read: @Sendable () -> Nanoseconds

    /// Creates a clock.
    /// - Parameter read: The time since 1970-01-01T00:00:00Z; called from any thread.
    public init(_ read: @escaping @Sendable () -> Nanoseconds) {
        self.read = read
    }

    /// The time since 1970-01-01T00:00:00Z.
    public var sinceEpoch: Nanoseconds { read() }
}
