// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A sliding window that is exact: a ring with the instant at which each permit that was given comes back.
struct SlidingLogStateMachine: RateSchedule {
    private let interval: Nanoseconds
    /// When each of the permits comes back; from `oldest` on in ascending order.
    private var freeAt: [MeshInstant]
    private var oldest = 0
    private var given: UInt64 = 0

    init(_ configuration: RateLimitConfiguration, at now: MeshInstant) {
        self.interval = configuration.fillInterval
        let rate = min(max(configuration.tokensPerFill, 1), RateLimitConfiguration.longestLog)
        self.freeAt = Array(repeating: MeshInstant(nanoseconds: 0), count: rate)
    }

    private init() {
        self.interval = .zero
        self.freeAt = []
    }

    /// What stands in for a log that is taken out to be changed.
    static var withoutEntries: SlidingLogStateMachine { SlidingLogStateMachine() }

    var canReserve: Bool { true }

    mutating func advance(to now: MeshInstant) {}

    func nextPlace(for permits: Int, at now: MeshInstant) -> RateLimitPlace? {
        guard permits <= freeAt.count else { return nil }
        let free = freeAt[(oldest + permits - 1) % freeAt.count]
        guard free.nanoseconds != .max else { return nil }
        return RateLimitPlace(permits: permits, readyAt: max(free, now), mark: given &+ UInt64(permits))
    }

    mutating func take(_ place: RateLimitPlace) {
        let newest = freeAt[(oldest + freeAt.count - 1) % freeAt.count]
        // A reader of the clock that comes late must not break the order.
        let free = max(place.readyAt.advanced(by: interval), newest)
        for _ in 0..<place.permits {
            freeAt[oldest] = free
            oldest = (oldest + 1) % freeAt.count
        }
        given = place.mark
    }

    mutating func takeBack(_ place: RateLimitPlace, at now: MeshInstant) -> Bool {
        guard given == place.mark else { return false }
        for _ in 0..<place.permits {
            oldest = (oldest + freeAt.count - 1) % freeAt.count
            // It was free when the place was due; whether it was before matters to nobody any more.
            freeAt[oldest] = place.readyAt
        }
        given = place.mark &- UInt64(place.permits)
        return true
    }

    func isOver(_ place: RateLimitPlace, at now: MeshInstant) -> Bool { place.readyAt < now }

    func available(at now: MeshInstant) -> Int {
        freeAt.reduce(0) { $0 + ($1 <= now ? 1 : 0) }
    }

    func isIdle(at now: MeshInstant) -> Bool {
        freeAt[(oldest + freeAt.count - 1) % freeAt.count] <= now
    }
}
