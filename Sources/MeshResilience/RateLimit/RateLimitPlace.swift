// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A turn that a rate limit gave to a call: now, or later.
public struct RateLimitPlace: Hashable, Sendable {
    /// How many permits it is for.
    public let permits: Int
    /// When the call may go.
    public let readyAt: MeshInstant
    /// Where the algorithm stood, so that it knows the place again when it is given back.
    let mark: UInt64
}

/// An algorithm that counts calls and finds the turn of the next one.
protocol RateSchedule: Sendable {
    /// Whether a turn can be promised that is still to come.
    var canReserve: Bool { get }
    /// Brings the counts up to date.
    mutating func advance(to now: MeshInstant)
    /// The turn that so many permits would get; `nil` if there never is one. Asked when the counts are up to date.
    func nextPlace(for permits: Int, at now: MeshInstant) -> RateLimitPlace?
    /// Takes the place that was just found.
    mutating func take(_ place: RateLimitPlace)
    /// Takes back the last place that was given, as if it had not been; otherwise does nothing and returns `false`.
    mutating func takeBack(_ place: RateLimitPlace, at now: MeshInstant) -> Bool
    /// Whether a place that was given back is worth nothing any more: a call that took it now would exceed the rate.
    func isOver(_ place: RateLimitPlace, at now: MeshInstant) -> Bool
    /// The permits that are there now; below zero are those promised to calls that wait.
    func available(at now: MeshInstant) -> Int
    /// Whether nothing is remembered that a new schedule would not know.
    func isIdle(at now: MeshInstant) -> Bool
}
