// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#if canImport(SwiftOverlayShims)
// The toolchain declares Linux's `timespec` members there, and `MemberImportVisibility` wants them imported.
import SwiftOverlayShims
#endif
#elseif canImport(Musl)
import Musl
#elseif canImport(Android)
import Android
#endif

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

    /// The operating system's (`CLOCK_REALTIME`); a time before 1970 reads as 1970.
    public static let system = WallClock {
        var time = timespec()
        // It cannot fail: the clock exists on every supported system and the pointer is valid.
        _ = clock_gettime(CLOCK_REALTIME, &time)
        guard time.tv_sec >= 0 else { return .zero }
        return Nanoseconds(rawValue: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }
}
