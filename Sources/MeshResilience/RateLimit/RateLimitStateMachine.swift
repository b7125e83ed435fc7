// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A rate limit of any algorithm: gives calls their turns, and gives a turn that was given back to another call.
public struct RateLimitStateMachine: Sendable {
    private enum Schedule {
        case bucket(TokenBucketStateMachine)
        case smooth(SmoothRateStateMachine)
        case window(SlidingWindowStateMachine)
        case log(SlidingLogStateMachine)
    }

    /// What a caller gets.
    public enum Answer: Hashable, Sendable {
        /// It goes now.
        case granted(RateLimitPlace)
        /// It goes when the place is ready. A caller that gives up says so by `placeGivenBack`.
        case reserved(RateLimitPlace)
        /// There is no turn in time, and nothing has changed; trying again makes sense after that time.
        case refused(retryAfter: Nanoseconds)
    }

    private var schedule: Schedule
    /// Places that were given back while later ones were out, by the instant at which they are ready. Empty but for
    /// cancellations, so that the usual path does not touch it; never more than calls waited at once.
    private var returned: [RateLimitPlace] = []

    /// Creates a limit that nobody has used.
    public init(_ configuration: RateLimitConfiguration, at now: MeshInstant) {
        switch configuration.algorithm {
        case .tokenBucket: schedule = .bucket(TokenBucketStateMachine(configuration, at: now))
        case .smooth: schedule = .smooth(SmoothRateStateMachine(configuration, at: now))
        case .slidingWindow: schedule = .window(SlidingWindowStateMachine(configuration, at: now))
        case .slidingLog: schedule = .log(SlidingLogStateMachine(configuration, at: now))
        }
    }

    /// Permits are wanted.
    /// - Parameters:
    ///   - permits: How many, at least 1.
    ///   - latest: The last instant at which the turn may come; `now` for a caller that does not wait.
    /// - Complexity: O(1); with a log O(permits).
    public mutating func permitsWanted(_ permits: Int = 1, at now: MeshInstant, until latest: MeshInstant) -> Answer {
        withSchedule(PermitsWanted(permits: max(permits, 1), now: now, latest: latest))
    }

    /// Takes permits that are there now, for a call that will use them: `permitsWanted` without a place to give back.
    /// - Returns: Whether it did; if not, ask `permitsWanted`, which knows more.
    @inline(__always)
    mutating func permitsTaken(_ permits: Int, at now: MeshInstant) -> Bool {
        guard case .bucket(var bucket) = schedule else { return false }
        bucket.advance(to: now)
        guard bucket.permitsTaken(permits) else { return false }
        schedule = .bucket(bucket)
        return true
    }

    /// A call will not use its place: its permits are there for others.
    ///
    /// The last place is as if it had never been given. Any other is offered to the next call for which it fits,
    /// because the calls behind it keep their turns; the rate is exceeded in neither case.
    public mutating func placeGivenBack(_ place: RateLimitPlace, at now: MeshInstant) {
        withSchedule(PlaceGivenBack(place: place, now: now))
    }

    /// The permits that are there now; below zero are those promised to calls that wait (where the algorithm keeps
    /// count).
    public func available(at now: MeshInstant) -> Int {
        // Bringing a copy up to date leaves reads without effect.
        var copy = self
        return copy.withSchedule(Available(now: now))
    }

    /// How long a caller of so many permits would wait; `nil` if there never is a turn.
    public func wait(for permits: Int = 1, at now: MeshInstant) -> Nanoseconds? {
        var copy = self
        return copy.withSchedule(Wait(permits: max(permits, 1), now: now))
    }

    /// Whether it is as if nobody had used it.
    mutating func isIdle(at now: MeshInstant) -> Bool {
        withSchedule(Idle(now: now))
    }

    @inline(__always)
    private mutating func withSchedule<Event: ScheduleEvent>(_ event: Event) -> Event.Result {
        switch schedule {
        case .bucket(var bucket):
            defer { schedule = .bucket(bucket) }
            return event.apply(to: &bucket, &returned)
        case .smooth(var smooth):
            defer { schedule = .smooth(smooth) }
            return event.apply(to: &smooth, &returned)
        case .window(var window):
            defer { schedule = .window(window) }
            return event.apply(to: &window, &returned)
        case .log(var log):
            // Nothing else holds the log while it is changed, or the whole of it would be copied.
            schedule = .log(.withoutEntries)
            defer { schedule = .log(log) }
            return event.apply(to: &log, &returned)
        }
    }
}

/// What can be asked of any algorithm; a generic closure, in effect, which Swift does not have.
private protocol ScheduleEvent {
    associatedtype Result
    func apply(to schedule: inout some RateSchedule, _ returned: inout [RateLimitPlace]) -> Result
}

private struct PermitsWanted: ScheduleEvent {
    let permits: Int
    let now: MeshInstant
    let latest: MeshInstant

    @inline(__always)
    func apply(
        to schedule: inout some RateSchedule,
        _ returned: inout [RateLimitPlace]
    ) -> RateLimitStateMachine.Answer {
        schedule.advance(to: now)
        let next = schedule.nextPlace(for: permits, at: now)
        if let next, next.readyAt <= now {
            schedule.take(next)
            return .granted(next)
        }
        if !returned.isEmpty, let place = claim(from: &returned, of: schedule) {
            return place.readyAt <= now ? .granted(place) : .reserved(place)
        }
        guard let next, next.readyAt <= latest, schedule.canReserve else {
            return .refused(retryAfter: next?.readyAt.elapsed(since: now) ?? .forever)
        }
        schedule.take(next)
        return .reserved(next)
    }

    /// The earliest place that was given back and is not over.
    private func claim(
        from returned: inout [RateLimitPlace],
        of schedule: some RateSchedule
    ) -> RateLimitPlace? {
        returned.removeAll { schedule.isOver($0, at: now) }
        let fitting = returned.firstIndex { $0.permits == permits && $0.readyAt <= latest }
        return fitting.map { returned.remove(at: $0) }
    }
}

private struct PlaceGivenBack: ScheduleEvent {
    let place: RateLimitPlace
    let now: MeshInstant

    func apply(to schedule: inout some RateSchedule, _ returned: inout [RateLimitPlace]) {
        schedule.advance(to: now)
        guard schedule.takeBack(place, at: now) else {
            let position = returned.firstIndex { $0.readyAt > place.readyAt } ?? returned.endIndex
            returned.insert(place, at: position)
            return
        }
        // The places before it may have been given back earlier, and one of them is the last now. Those that are ready at
        // the same instant lie in the order in which they came back.
        while let latest = returned.last?.readyAt,
            let last = returned.lastIndex(where: { $0.readyAt == latest && schedule.takeBack($0, at: now) })
        {
            returned.remove(at: last)
        }
    }
}

private struct Available: ScheduleEvent {
    let now: MeshInstant

    func apply(to schedule: inout some RateSchedule, _ returned: inout [RateLimitPlace]) -> Int {
        schedule.advance(to: now)
        return schedule.available(at: now)
    }
}

private struct Wait: ScheduleEvent {
    let permits: Int
    let now: MeshInstant

    func apply(to schedule: inout some RateSchedule, _ returned: inout [RateLimitPlace]) -> Nanoseconds? {
        schedule.advance(to: now)
        return schedule.nextPlace(for: permits, at: now)?.readyAt.elapsed(since: now)
    }
}

private struct Idle: ScheduleEvent {
    let now: MeshInstant

    func apply(to schedule: inout some RateSchedule, _ returned: inout [RateLimitPlace]) -> Bool {
        schedule.advance(to: now)
        // A place that nobody claimed is worth nothing once the limit has nothing else to remember.
        if schedule.isIdle(at: now) { returned.removeAll() }
        return returned.isEmpty && schedule.isIdle(at: now)
    }
}
