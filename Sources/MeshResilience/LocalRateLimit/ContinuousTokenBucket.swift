// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A bucket into which tokens flow evenly, fractions of them included, as Envoy's `AtomicTokenBucketImpl` counts.
struct ContinuousTokenBucket: Sendable {
    /// The bucket's size.
    let maximum: Double
    /// How many nanoseconds one token takes; the smaller, the faster the bucket fills.
    let interval: Double
    private var count: Double
    private var countedAt: MeshInstant

    /// Creates a full bucket.
    init(_ bucket: LocalRateLimitConfiguration.Bucket, at now: MeshInstant) {
        self.maximum = Double(bucket.maximumTokens)
        // Of a bucket that is always empty nobody has said how fast it fills.
        self.interval = Double(max(bucket.fillInterval.rawValue, 1)) / Double(max(bucket.tokensPerFill, 1))
        self.count = maximum
        self.countedAt = now
    }

    /// The tokens that are there.
    func tokens(at now: MeshInstant) -> Double {
        min(count + Double(now.elapsed(since: countedAt).rawValue) / interval, maximum)
    }

    /// Takes tokens if all of them are there.
    mutating func take(_ wanted: Double, at now: MeshInstant) -> Bool {
        let there = tokens(at: now)
        guard there >= wanted else { return false }
        set(there - wanted, at: now)
        return true
    }

    /// Gives tokens back, as far as there is room for them.
    mutating func give(_ returned: Double, at now: MeshInstant) {
        set(min(tokens(at: now) + returned, maximum), at: now)
    }

    private mutating func set(_ tokens: Double, at now: MeshInstant) {
        count = tokens
        countedAt = max(countedAt, now)
    }

    /// How long it takes until there is a whole token.
    func timeToToken(at now: MeshInstant) -> Nanoseconds {
        let missing = 1 - tokens(at: now)
        guard missing > 0 else { return .zero }
        // Bounded, because a number that is too large cannot be turned into a whole one.
        return Nanoseconds(rawValue: UInt64(min((missing * interval).rounded(.up), 1e18)))
    }
}
