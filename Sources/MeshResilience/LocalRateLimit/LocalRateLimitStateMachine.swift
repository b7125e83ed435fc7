// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The buckets of a local rate limit: which of them a request takes tokens from, and whether it may pass.
///
/// The buckets of a request's descriptors are asked first, the one that fills most slowly before the others; the first
/// that has no token refuses, and what was taken until then is gone, as in Envoy.
public struct LocalRateLimitStateMachine: Sendable {
    /// How the bucket stands that decided.
    public struct Level: Hashable, Sendable {
        /// The bucket's size.
        public var maximum: UInt64
        /// The whole tokens that are left.
        public var remaining: UInt64
        /// How long it takes until there is one.
        public var reset: Nanoseconds

        /// The same in whole seconds, rounded up, as Envoy tells it.
        var secondsToReset: UInt64 { (reset.rawValue / 1_000_000_000) + (reset.rawValue % 1_000_000_000 == 0 ? 0 : 1) }
    }

    /// What becomes of a request.
    public struct Answer: Hashable, Sendable {
        /// Whether there was a token for it everywhere.
        public var isAllowed: Bool
        /// Whether the bucket that refused only counts.
        public var isShadow = false
        /// The bucket that answers speak of: the one that refused, or else the first that was asked; `nil` for none.
        public var level: Level?
        /// What the descriptor of that bucket says of the fields in which answers speak of it.
        public var headers: RateLimitHeaders?
    }

    private struct Wildcard {
        var limit: LocalRateLimitConfiguration.Limit
        var buckets: LeastRecentlyUsed<[RateLimitDescriptor.Entry], ContinuousTokenBucket>
    }

    /// Where a request's bucket is.
    private struct Match {
        var descriptor: Int
        var interval: Double
        /// Of a limit without wildcards its position, of one with them its position behind all of those.
        var limit: Int
    }

    private let configuration: LocalRateLimitConfiguration
    private var common: ContinuousTokenBucket?
    private let places: [[RateLimitDescriptor.Entry]: Int]
    private let exact: [LocalRateLimitConfiguration.Limit]
    private var buckets: [ContinuousTokenBucket]
    private var wildcards: [Wildcard]

    /// Creates full buckets.
    public init(_ configuration: LocalRateLimitConfiguration, at now: MeshInstant) {
        self.configuration = configuration
        self.common = configuration.bucket.map { ContinuousTokenBucket($0, at: now) }
        let exact = configuration.limits.filter { !$0.isWildcard }
        self.exact = exact
        self.places = Dictionary(exact.enumerated().map { ($1.entries, $0) }, uniquingKeysWith: { first, _ in first })
        self.buckets = exact.map { ContinuousTokenBucket($0.bucket, at: now) }
        self.wildcards = configuration.limits.filter(\.isWildcard).map {
            Wildcard(limit: $0, buckets: LeastRecentlyUsed(capacity: configuration.maximumDynamicLimits))
        }
    }

    /// How many values of limits for every value are remembered.
    public var dynamicCount: Int { wildcards.reduce(0) { $0 + $1.buckets.count } }

    /// A request came that is counted under these.
    /// - Complexity: O(descriptors · limits with an entry for every value).
    public mutating func requestCame(_ descriptors: [RateLimitDescriptor], at now: MeshInstant) -> Answer {
        var first: Answer?
        for match in matches(of: descriptors, at: now) {
            let answer = take(match, descriptors[match.descriptor], at: now)
            guard answer.isAllowed else { return answer }
            first = first ?? answer
        }
        if let first, !configuration.alwaysUsesCommonBucket { return first }
        guard var bucket = common else { return first ?? Answer(isAllowed: true) }
        let isAllowed = bucket.take(1, at: now)
        common = bucket
        guard !isAllowed else { return first ?? Answer(isAllowed: true, level: Self.level(bucket, at: now)) }
        // One that never has a token has nothing to tell of.
        guard bucket.maximum > 0 else { return Answer(isAllowed: false) }
        return Answer(isAllowed: false, level: Self.level(bucket, at: now))
    }

    /// The limits that a request's descriptors have, the one that fills most slowly first.
    private func matches(of descriptors: [RateLimitDescriptor], at now: MeshInstant) -> [Match] {
        guard !configuration.limits.isEmpty, !descriptors.isEmpty else { return [] }
        var matches: [Match] = []
        for (position, descriptor) in descriptors.enumerated() {
            if let place = places[descriptor.entries] {
                matches.append(Match(descriptor: position, interval: buckets[place].interval, limit: place))
            } else if let place = wildcards.firstIndex(where: { $0.limit.covers(descriptor.entries) }) {
                let interval = ContinuousTokenBucket(wildcards[place].limit.bucket, at: now).interval
                matches.append(Match(descriptor: position, interval: interval, limit: exact.count + place))
            }
        }
        // Stable, so that of two that fill equally fast the first descriptor's comes first.
        return matches.enumerated()
            .sorted { ($1.element.interval, $0.offset) < ($0.element.interval, $1.offset) }
            .map(\.element)
    }

    private mutating func take(_ match: Match, _ descriptor: RateLimitDescriptor, at now: MeshInstant) -> Answer {
        func take(from bucket: inout ContinuousTokenBucket) -> (Bool, Level) {
            let hits = Double(descriptor.hits ?? 1)
            if descriptor.refunds, descriptor.hits != nil {
                bucket.give(hits, at: now)
                return (true, Self.level(bucket, at: now))
            }
            let isAllowed = bucket.take(hits, at: now)
            return (isAllowed, Self.level(bucket, at: now))
        }
        let (isAllowed, level, isShadow): (Bool, Level, Bool)
        if match.limit < exact.count {
            isShadow = exact[match.limit].isShadow
            (isAllowed, level) = take(from: &buckets[match.limit])
        } else {
            let place = match.limit - exact.count
            let limit = wildcards[place].limit
            isShadow = limit.isShadow
            (isAllowed, level) = wildcards[place].buckets.withValue(
                of: descriptor.entries,
                make: { ContinuousTokenBucket(limit.bucket, at: now) },
                { take(from: &$0) }
            )
        }
        return Answer(isAllowed: isAllowed, isShadow: isShadow, level: level, headers: descriptor.headers)
    }

    private static func level(_ bucket: ContinuousTokenBucket, at now: MeshInstant) -> Level {
        Level(
            maximum: UInt64(bucket.maximum),
            remaining: UInt64(bucket.tokens(at: now)),
            reset: bucket.timeToToken(at: now)
        )
    }
}

extension LocalRateLimitConfiguration.Limit {
    /// Whether a request with these entries belongs to a limit with entries for every value.
    fileprivate func covers(_ entries: [RateLimitDescriptor.Entry]) -> Bool {
        self.entries.count == entries.count
            && zip(self.entries, entries).allSatisfy { own, other in
                own.key == other.key && (own.value.isEmpty || own.value == other.value)
            }
    }
}
