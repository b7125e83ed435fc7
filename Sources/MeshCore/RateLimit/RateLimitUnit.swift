// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The time that a rate is counted over (`envoy.type.v3.RateLimitUnit`).
public enum RateLimitUnit: String, Hashable, Sendable, CaseIterable {
    /// A second.
    case second
    /// A minute.
    case minute
    /// An hour.
    case hour
    /// A day.
    case day
    /// A week.
    case week
    /// A month, which Envoy counts as 30 days.
    case month
    /// A year, which Envoy counts as 365 days.
    case year

    /// Its length in seconds, as `x-ratelimit-limit` names it.
    public var seconds: UInt32 {
        switch self {
        case .second: 1
        case .minute: 60
        case .hour: 3_600
        case .day: 86_400
        case .week: 604_800
        case .month: 2_592_000
        case .year: 31_536_000
        }
    }
}
