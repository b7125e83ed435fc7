// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// When a certificate is asked for: at the start, near the half of each certificate's life, and again after failures.
///
/// ```
///          issued: wait for the half life           timer
/// asking ─────────────────────────────────▶ waiting ─────▶ asking
///        ─────────────────────────────────▶
///          failed: back off
/// ```
struct RotationStateMachine: Sendable {
    /// The first wait after a failure, before jitter.
    static let firstBackoff = Nanoseconds.milliseconds(250)
    /// The longest wait after a failure.
    static let longestBackoff = Nanoseconds.seconds(15)
    /// The shortest time between two certificates, whatever lifetime the issuer gives.
    static let shortestPause = Nanoseconds.milliseconds(100)

    private var failures = 0
    private var expiry: MeshInstant?

    /// A certificate was issued.
    /// - Parameters:
    ///   - validFor: The time until it expires.
    ///   - random: 64 random bits.
    /// - Returns: When to ask for the next one: between 45% and 50% of its life, so that the workloads that started
    ///   together do not all come back together.
    mutating func issued(validFor: Nanoseconds, at now: MeshInstant, random: UInt64) -> MeshInstant {
        failures = 0
        expiry = now.advanced(by: validFor)
        let half = validFor.rawValue / 2
        let early = (half / 10).multipliedFullWidth(by: random).high
        return now.advanced(by: max(Nanoseconds(rawValue: half - early), Self.shortestPause))
    }

    /// No certificate was issued.
    /// - Parameter random: 64 random bits.
    /// - Returns: When to ask again: after an exponential back-off of which half is random, and never so late that fewer
    ///   than three attempts would be left before the certificate in use expires.
    mutating func failed(at now: MeshInstant, random: UInt64) -> MeshInstant {
        let shift = UInt64(min(failures, 16))
        failures += 1
        var bound = min(Self.firstBackoff.rawValue << shift, Self.longestBackoff.rawValue)
        if let expiry, expiry > now {
            bound = min(bound, max(expiry.elapsed(since: now).rawValue / 4, Self.firstBackoff.rawValue))
        }
        let jitter = (bound / 2).multipliedFullWidth(by: random).high
        return now.advanced(by: Nanoseconds(rawValue: bound - jitter))
    }
}
