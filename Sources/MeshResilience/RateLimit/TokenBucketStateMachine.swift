// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A token bucket that is filled by looking at the time, never by a timer. Promised tokens are a debt.
public struct TokenBucketStateMachine: Sendable {
    private let maximum: Int
    private let perFill: Int
    private let interval: UInt64
    private var tokens: Int
    private var filledAt: MeshInstant

    /// Creates a full bucket.
    public init(_ configuration: RateLimitConfiguration, at now: MeshInstant) {
        self.maximum = max(configuration.maximumTokens, 0)
        self.perFill = max(configuration.tokensPerFill, 0)
        self.interval = max(configuration.fillInterval.rawValue, 1)
        self.tokens = maximum
        self.filledAt = now
    }

    /// What a caller gets.
    public enum Answer: Hashable, Sendable {
        /// A token.
        case granted
        /// No token; one more will be there after that time.
        case refused(retryAfter: Nanoseconds)
    }

    /// A token is wanted.
    public mutating func tokenWanted(at now: MeshInstant) -> Answer {
        advance(to: now)
        guard tokens > 0 else {
            let place = nextPlace(for: 1, at: now)?.readyAt ?? filledAt.advanced(by: Nanoseconds(rawValue: interval))
            return .refused(retryAfter: place.elapsed(since: now))
        }
        tokens -= 1
        return .granted
    }

    /// Takes so many tokens if they are there.
    @inline(__always)
    mutating func permitsTaken(_ permits: Int) -> Bool {
        guard tokens >= permits else { return false }
        tokens -= permits
        return true
    }

    /// When the debt of so many tokens will be paid; `nil` if it never is.
    private func paid(_ debt: Int) -> MeshInstant? {
        guard perFill > 0 else { return nil }
        let fills = UInt64((debt - 1) / perFill + 1)
        let (wait, overflow) = fills.multipliedReportingOverflow(by: interval)
        let instant = filledAt.advanced(by: Nanoseconds(rawValue: wait))
        return overflow || instant.nanoseconds == .max ? nil : instant
    }
}

extension TokenBucketStateMachine: RateSchedule {
    var canReserve: Bool { true }

    @inline(__always)
    mutating func advance(to now: MeshInstant) {
        let fills = now.elapsed(since: filledAt).rawValue / interval
        guard fills > 0 else { return }
        let (added, overflow) = Int(clamping: fills).multipliedReportingOverflow(by: perFill)
        let (sum, carried) = tokens.addingReportingOverflow(added)
        tokens = overflow || carried ? maximum : min(sum, maximum)
        // Whole intervals only: what is left of the current one counts towards the next fill.
        filledAt = filledAt.advanced(by: Nanoseconds(rawValue: fills &* interval))
    }

    @inline(__always)
    func nextPlace(for permits: Int, at now: MeshInstant) -> RateLimitPlace? {
        guard tokens < permits else {
            return RateLimitPlace(permits: permits, readyAt: now, mark: filledAt.nanoseconds)
        }
        let (debt, overflow) = permits.subtractingReportingOverflow(tokens)
        guard !overflow, let instant = paid(debt) else { return nil }
        return RateLimitPlace(permits: permits, readyAt: instant, mark: instant.nanoseconds)
    }

    @inline(__always)
    mutating func take(_ place: RateLimitPlace) {
        tokens -= place.permits
    }

    mutating func takeBack(_ place: RateLimitPlace, at now: MeshInstant) -> Bool {
        advance(to: now)
        // Who waits for the last fill that is promised is the last, in whatever order they came.
        guard tokens >= 0 || place.readyAt == paid(-tokens) else { return false }
        // The fill of the place is over. A window's permits do not outlast it; what a larger bucket would have kept of
        // them is not known any more.
        if tokens >= 0, isOver(place, at: now) { return true }
        let (sum, overflow) = tokens.addingReportingOverflow(place.permits)
        tokens = overflow ? maximum : min(maximum, sum)
        return true
    }

    func isOver(_ place: RateLimitPlace, at now: MeshInstant) -> Bool {
        MeshInstant(nanoseconds: place.mark).advanced(by: Nanoseconds(rawValue: interval)) <= now
    }

    func available(at now: MeshInstant) -> Int { tokens }

    func isIdle(at now: MeshInstant) -> Bool { tokens >= maximum }
}
