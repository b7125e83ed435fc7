// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a caller asks for in Envoy's request header fields, in place of what the route says.
public struct CallerWishes: Hashable, Sendable {
    /// How long the request may take; zero for ever (`x-envoy-upstream-rq-timeout-ms`).
    public var timeout: Nanoseconds?
    /// How long an attempt may take; zero for ever (`x-envoy-upstream-rq-per-try-timeout-ms`).
    public var attemptTimeout: Nanoseconds?
    /// Whether an attempt that takes too long is left running beside the next one
    /// (`x-envoy-hedge-on-per-try-timeout`).
    public var hedgesOnAttemptTimeout: Bool?
    /// What is retried besides what the route says, by the names of `retry_on` (`x-envoy-retry-on`,
    /// `x-envoy-retry-grpc-on`); names that nobody knows are left out by whoever reads them.
    public var retryOn: [String]
    /// How many retries there may be, in place of the route's number (`x-envoy-max-retries`).
    public var maximumRetries: UInt32?
    /// Status codes that are retried besides the route's (`x-envoy-retriable-status-codes`).
    public var retriableStatuses: [Int]
    /// Response header fields that make a response one that is retried (`x-envoy-retriable-header-names`).
    public var retriableHeaders: [HeaderName]
    /// Whether a timeout is answered with 204 in place of 504 (`x-envoy-upstream-rq-timeout-alt-response`).
    public var answersTimeoutWithoutContent: Bool
    /// A further name under which the cluster's statistics count (`x-envoy-upstream-alt-stat-name`).
    public var alternativeStatistics: String?

    /// No wishes.
    public static let none = CallerWishes()

    /// Creates wishes.
    public init(
        timeout: Nanoseconds? = nil,
        attemptTimeout: Nanoseconds? = nil,
        hedgesOnAttemptTimeout: Bool? = nil,
        retryOn: [String] = [],
        maximumRetries: UInt32? = nil,
        retriableStatuses: [Int] = [],
        retriableHeaders: [HeaderName] = [],
        answersTimeoutWithoutContent: Bool = false,
        alternativeStatistics: String? = nil
    ) {
        self.timeout = timeout
        self.attemptTimeout = attemptTimeout
        self.hedgesOnAttemptTimeout = hedgesOnAttemptTimeout
        self.retryOn = retryOn
        self.maximumRetries = maximumRetries
        self.retriableStatuses = retriableStatuses
        self.retriableHeaders = retriableHeaders
        self.answersTimeoutWithoutContent = answersTimeoutWithoutContent
        self.alternativeStatistics = alternativeStatistics
    }

    /// Whether anything about retries is asked for.
    public var asksForRetries: Bool {
        !retryOn.isEmpty || maximumRetries != nil || !retriableStatuses.isEmpty || !retriableHeaders.isEmpty
    }
}
