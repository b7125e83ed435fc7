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

/// The operating system's monotonic clock (`CLOCK_MONOTONIC`).
public struct SystemClock: MeshClock {
    /// Creates the system's clock.
    public init() {}

    /// The current instant.
    public var now: MeshInstant {
        var time = timespec()
        // It cannot fail: the clock exists on every supported system and the pointer is valid.
        _ = clock_gettime(CLOCK_MONOTONIC, &time)
        return MeshInstant(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// Suspends until `deadline`.
    /// - Throws: `CancellationError` if the task is cancelled first.
    public func sleep(until deadline: MeshInstant) async throws {
        let remaining = deadline.elapsed(since: now)
        guard remaining > .zero else {
            try Task.checkCancellation()
            return
        }
        try await Task.sleep(for: remaining.duration)
    }
}

// Here because this is the one file that asks the C library for the time.
extension WallClock {
    /// The operating system's (`CLOCK_REALTIME`); a time before 1970 reads as 1970.
    public static let system = WallClock {
        var time = timespec()
        // It cannot fail: the clock exists on every supported system and the pointer is valid.
        _ = clock_gettime(CLOCK_REALTIME, &time)
        guard time.tv_sec >= 0 else { return .zero }
        return Nanoseconds(rawValue: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }
}
