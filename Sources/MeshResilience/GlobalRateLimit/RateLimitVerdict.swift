// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a rate limit service answers (`envoy.service.ratelimit.v3.RateLimitResponse`).
public struct RateLimitVerdict: Hashable, Sendable {
    /// How one descriptor's limit stands.
    public struct Status: Hashable, Sendable {
        /// Whether the request is above it.
        public var isOverLimit: Bool
        /// The limit; `nil` where the descriptor has none.
        public var limit: Limit?
        /// How many requests it still lets pass in this unit of time.
        public var remaining: UInt32
        /// When the unit of time is over.
        public var reset: Nanoseconds

        /// Creates a status.
        public init(
            isOverLimit: Bool = false,
            limit: Limit? = nil,
            remaining: UInt32 = 0,
            reset: Nanoseconds = .zero
        ) {
            self.isOverLimit = isOverLimit
            self.limit = limit
            self.remaining = remaining
            self.reset = reset
        }
    }

    /// A limit that the service has configured.
    public struct Limit: Hashable, Sendable {
        /// Its name; empty for none.
        public var name: String
        /// How many requests a unit of time holds.
        public var requestsPerUnit: UInt32
        /// The unit; `nil` for one that is not known.
        public var unit: RateLimitUnit?
        /// How many of the units are one span (`unit_multiplier`).
        public var multiplier: UInt32

        /// Creates a limit.
        public init(name: String = "", requestsPerUnit: UInt32, unit: RateLimitUnit?, multiplier: UInt32 = 1) {
            self.name = name
            self.requestsPerUnit = requestsPerUnit
            self.unit = unit
            self.multiplier = multiplier
        }
    }

    /// Whether the request is above a limit and should not pass.
    public var isOverLimit: Bool
    /// How each descriptor's limit stands, in the order of the descriptors.
    public var statuses: [Status]
    /// Header fields that the response gets.
    public var responseHeaders: [LocalReply.Header]
    /// Header fields that the request gets if it passes.
    public var requestHeaders: [LocalReply.Header]
    /// The body of a refusal.
    public var body: String
    /// What else the service knows of the request.
    public var metadata: [String: MetadataValue]

    /// Creates an answer.
    public init(
        isOverLimit: Bool = false,
        statuses: [Status] = [],
        responseHeaders: [LocalReply.Header] = [],
        requestHeaders: [LocalReply.Header] = [],
        body: String = "",
        metadata: [String: MetadataValue] = [:]
    ) {
        self.isOverLimit = isOverLimit
        self.statuses = statuses
        self.responseHeaders = responseHeaders
        self.requestHeaders = requestHeaders
        self.body = body
        self.metadata = metadata
    }
}
