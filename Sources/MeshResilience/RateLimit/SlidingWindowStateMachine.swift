// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A sliding window estimated from two counts: this interval's, and the part of the last interval's that the window
/// still covers if its calls came evenly. Two counters instead of a log; exact for even traffic, and never more than
/// twice the rate in any span for the worst.
struct SlidingWindowStateMachine: RateSchedule {
    private let limit: UInt64
    private let interval: UInt64
    private var startedAt: MeshInstant
    private var number: UInt64 = 0
    private var current: UInt64 = 0
    private var previous: UInt64 = 0

    init(_ configuration: RateLimitConfiguration, at now: MeshInstant) {
        self.limit = UInt64(max(configuration.tokensPerFill, 0))
        self.interval = max(configuration.fillInterval.rawValue, 1)
        self.startedAt = now
    }

    var canReserve: Bool { false }

    @inline(__always)
    mutating func advance(to now: MeshInstant) {
        let intervals = now.elapsed(since: startedAt).rawValue / interval
        guard intervals > 0 else { return }
        previous = intervals == 1 ? current : 0
        current = 0
        number &+= intervals
        startedAt = startedAt.advanced(by: Nanoseconds(rawValue: intervals &* interval))
    }

    @inline(__always)
    func nextPlace(for permits: Int, at now: MeshInstant) -> RateLimitPlace? {
        let wanted = UInt64(permits)
        guard wanted <= limit else { return nil }
        let elapsed = now.elapsed(since: startedAt).rawValue
        let ready: UInt64
        if current <= limit - wanted {
            ready = max(elapsed, Self.fade(of: previous, to: limit - wanted - current, in: interval))
        } else {
            // Not in this interval: in the next one this count is the previous one.
            let (sum, overflow) = interval.addingReportingOverflow(
                Self.fade(of: current, to: limit - wanted, in: interval)
            )
            ready = overflow ? .max : sum
        }
        if ready <= elapsed { return RateLimitPlace(permits: permits, readyAt: now, mark: number) }
        let instant = startedAt.advanced(by: Nanoseconds(rawValue: ready))
        // The end of time has no turns: a sum that saturates there must not pass for now.
        guard instant.nanoseconds != .max else { return nil }
        return RateLimitPlace(permits: permits, readyAt: instant, mark: number)
    }

    @inline(__always)
    mutating func take(_ place: RateLimitPlace) {
        current += UInt64(place.permits)
    }

    mutating func takeBack(_ place: RateLimitPlace, at now: MeshInstant) -> Bool {
        advance(to: now)
        let permits = UInt64(place.permits)
        if place.mark == number { current -= min(permits, current) }
        if place.mark &+ 1 == number { previous -= min(permits, previous) }
        return true
    }

    func isOver(_ place: RateLimitPlace, at now: MeshInstant) -> Bool { place.readyAt < now }

    func available(at now: MeshInstant) -> Int {
        let left = interval - min(now.elapsed(since: startedAt).rawValue, interval)
        let (faded, rest) = interval.dividingFullWidth(previous.multipliedFullWidth(by: left))
        let used = current + faded + (rest == 0 ? 0 : 1)
        return Int(clamping: limit > used ? limit - used : 0)
    }

    func isIdle(at now: MeshInstant) -> Bool { current == 0 && previous == 0 }

    /// After which part of an interval no more than `allowed` of the `count` calls before it are still in the window.
    static func fade(of count: UInt64, to allowed: UInt64, in interval: UInt64) -> UInt64 {
        // count · (interval − t) / interval ≤ allowed, solved for t; exact, because the product has 128 bits.
        if count <= allowed { return 0 }
        return interval - count.dividingFullWidth(allowed.multipliedFullWidth(by: interval)).quotient
    }
}
