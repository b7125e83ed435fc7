// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How often each caller may ask for certificates: a token bucket for each.
struct IssuanceRate: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: MeshInstant
    }

    /// The most callers that are told apart. Tokens are few; identities that renew are as many as workloads.
    static let maximumCallers = 100_000

    /// Certificates in a second, for each caller.
    let perSecond: Double
    /// Certificates at once.
    let burst: Double

    private var buckets: [String: Bucket] = [:]

    init(perSecond: UInt32) {
        self.perSecond = Double(perSecond)
        self.burst = Double(perSecond)
    }

    /// A caller asks.
    /// - Returns: Whether it may be answered.
    mutating func admit(_ caller: String, at now: MeshInstant) -> Bool {
        if buckets[caller] == nil, buckets.count >= Self.maximumCallers {
            // A bucket that would be full by now says nothing.
            buckets = buckets.filter { now.elapsed(since: $0.value.filledAt).seconds * perSecond < burst }
            guard buckets.count < Self.maximumCallers else { return false }
        }
        var bucket = buckets[caller] ?? Bucket(tokens: burst, filledAt: now)
        let elapsed = now.elapsed(since: bucket.filledAt).seconds
        bucket.tokens = min(burst, bucket.tokens + elapsed * perSecond)
        bucket.filledAt = now
        let isAdmitted = bucket.tokens >= 1
        if isAdmitted { bucket.tokens -= 1 }
        buckets[caller] = bucket
        return isAdmitted
    }
}
