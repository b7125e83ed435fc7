// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What a rate limit counts a request under: pairs of a key and a value, in order
/// (`envoy.extensions.common.ratelimit.v3.RateLimitDescriptor`).
public struct RateLimitDescriptor: Hashable, Sendable {
    /// One pair.
    public struct Entry: Hashable, Sendable {
        /// The key.
        public var key: String
        /// The value.
        public var value: String

        /// Creates a pair.
        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    /// A limit that takes the place of the one that the service has configured (`RateLimitOverride`).
    public struct Limit: Hashable, Sendable {
        /// How many requests a unit of time holds.
        public var requestsPerUnit: UInt32
        /// The unit.
        public var unit: RateLimitUnit

        /// Creates a limit.
        public init(requestsPerUnit: UInt32, unit: RateLimitUnit) {
            self.requestsPerUnit = requestsPerUnit
            self.unit = unit
        }
    }

    /// The pairs; a service looks for limits along them.
    public var entries: [Entry]
    /// A limit in place of the service's own; `nil` leaves that.
    public var limit: Limit?
    /// How many hits the request counts for; `nil` for what the whole question says, which is 1 by default.
    public var hits: UInt64?
    /// Whether the hits are given back and not used up (`is_negative_hits`).
    public var refunds: Bool
    /// Whether answers tell of this descriptor's limit, in place of what the filter says; `nil` leaves that
    /// (`x_ratelimit_option`). It is not sent to the service.
    public var headers: RateLimitHeaders?

    /// Creates a descriptor.
    public init(
        _ entries: [Entry],
        limit: Limit? = nil,
        hits: UInt64? = nil,
        refunds: Bool = false,
        headers: RateLimitHeaders? = nil
    ) {
        self.entries = entries
        self.limit = limit
        self.hits = hits
        self.refunds = refunds
        self.headers = headers
    }
}

extension RateLimitDescriptor: CustomStringConvertible {
    /// For people: `user=alice,path=/buy`.
    public var description: String {
        entries.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
