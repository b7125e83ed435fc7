// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Permits one by one, evenly spaced: the generic cell rate algorithm, whose whole state is one instant.
///
/// failsafe's smooth limiter lays its permits on a grid that begins with the limiter, so that two calls may come at the
/// end of one square and the start of the next; here the spacing holds between any two calls beyond the burst.
struct SmoothRateStateMachine: RateSchedule {
    private let spacing: UInt64
    private let tolerance: UInt64
    private let burst: Int
    /// When every permit that was given will have been earned: the burst is whole again.
    private var earnedAt: MeshInstant

    init(_ configuration: RateLimitConfiguration, at now: MeshInstant) {
        let rate = UInt64(max(configuration.tokensPerFill, 1))
        let interval = max(configuration.fillInterval.rawValue, 1)
        // Rounded up: a spacing that is too short by a fraction would exceed the rate.
        self.spacing = (interval - 1) / rate + 1
        self.burst = max(configuration.maximumTokens, 1)
        let (tolerance, overflow) = spacing.multipliedReportingOverflow(by: UInt64(burst))
        self.tolerance = overflow ? .max : tolerance
        self.earnedAt = now
    }

    var canReserve: Bool { true }

    @inline(__always)
    mutating func advance(to now: MeshInstant) {}

    @inline(__always)
    func nextPlace(for permits: Int, at now: MeshInstant) -> RateLimitPlace? {
        let (cost, overflow) = spacing.multipliedReportingOverflow(by: UInt64(permits))
        let earned = max(earnedAt, now).advanced(by: Nanoseconds(rawValue: cost)).nanoseconds
        guard !overflow, earned != .max else { return nil }
        let ready = MeshInstant(nanoseconds: earned > tolerance ? earned - tolerance : 0)
        return RateLimitPlace(permits: permits, readyAt: max(ready, now), mark: earned)
    }

    @inline(__always)
    mutating func take(_ place: RateLimitPlace) {
        earnedAt = MeshInstant(nanoseconds: place.mark)
    }

    mutating func takeBack(_ place: RateLimitPlace, at now: MeshInstant) -> Bool {
        if earnedAt <= now { return true }
        guard earnedAt.nanoseconds == place.mark else { return false }
        earnedAt = MeshInstant(nanoseconds: place.mark - spacing * UInt64(place.permits))
        return true
    }

    func isOver(_ place: RateLimitPlace, at now: MeshInstant) -> Bool { place.readyAt < now }

    func available(at now: MeshInstant) -> Int {
        let owed = earnedAt.elapsed(since: now).rawValue
        return burst - Int(clamping: owed / spacing + (owed % spacing == 0 ? 0 : 1))
    }

    func isIdle(at now: MeshInstant) -> Bool { earnedAt <= now }
}
