// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A token bucket that is filled by looking at the time, never by a timer.
public struct TokenBucketStateMachine: Sendable {
    private let maximum: UInt64
    private let perFill: UInt64
    private let interval: UInt64
    private var tokens: UInt64
    private var filledAt: MeshInstant

    /// Creates a full bucket.
    public init(_ configuration: RateLimitConfiguration, at now: MeshInstant) {
        self.maximum = UInt64(max(configuration.maximumTokens, 0))
        self.perFill = UInt64(max(configuration.tokensPerFill, 0))
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
        fill(at: now)
        guard tokens > 0 else {
            let next = filledAt.advanced(by: Nanoseconds(rawValue: interval))
            return .refused(retryAfter: next.elapsed(since: now))
        }
        tokens -= 1
        return .granted
    }

    private mutating func fill(at now: MeshInstant) {
        let fills = now.elapsed(since: filledAt).rawValue / interval
        guard fills > 0 else { return }
        let (added, overflow) = fills.multipliedReportingOverflow(by: perFill)
        tokens = overflow || added >= maximum - tokens ? maximum : tokens + added
        // Whole intervals only: what is left of the current one counts towards the next fill.
        filledAt = filledAt.advanced(by: Nanoseconds(rawValue: fills &* interval))
    }
}
