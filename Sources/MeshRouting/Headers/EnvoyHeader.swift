// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The header fields in which Envoy tells upstreams what it changed, and callers tell it what they want.
public enum EnvoyHeader {
    /// The path before it was rewritten.
    public static let originalPath: HeaderName = "x-envoy-original-path"
    /// The authority before it was rewritten.
    public static let originalHost: HeaderName = "x-envoy-original-host"
    /// The URL before a redirect was followed.
    public static let originalURL: HeaderName = "x-envoy-original-url"
    /// Which attempt it is, or how many there were.
    public static let attemptCount: HeaderName = "x-envoy-attempt-count"
    /// Whether the attempt follows one that took too long.
    public static let isTimeoutRetry: HeaderName = "x-envoy-is-timeout-retry"
    /// Whether the request is one of the mesh's own.
    public static let isInternal: HeaderName = "x-envoy-internal"
    /// How long the upstream has for an answer, in milliseconds.
    public static let expectedTimeout: HeaderName = "x-envoy-expected-rq-timeout-ms"
    /// How long the request may take, in milliseconds; zero for ever.
    public static let requestTimeout: HeaderName = "x-envoy-upstream-rq-timeout-ms"
    /// How long an attempt may take, in milliseconds.
    public static let attemptTimeout: HeaderName = "x-envoy-upstream-rq-per-try-timeout-ms"
    /// A timeout is answered with 204 in place of 504.
    public static let alternativeTimeoutAnswer: HeaderName = "x-envoy-upstream-rq-timeout-alt-response"
    /// How many retries there may be.
    public static let maximumRetries: HeaderName = "x-envoy-max-retries"
    /// What is retried.
    public static let retryOn: HeaderName = "x-envoy-retry-on"
    /// Which gRPC statuses are retried.
    public static let retryGRPCOn: HeaderName = "x-envoy-retry-grpc-on"
    /// Which status codes are retried.
    public static let retriableStatuses: HeaderName = "x-envoy-retriable-status-codes"
    /// Which response header fields make a response one that is retried.
    public static let retriableHeaders: HeaderName = "x-envoy-retriable-header-names"
    /// Whether an attempt that takes too long is left running beside the next one.
    public static let hedgesOnAttemptTimeout: HeaderName = "x-envoy-hedge-on-per-try-timeout"
    /// A further name under which the cluster's statistics count.
    public static let alternativeStatistics: HeaderName = "x-envoy-upstream-alt-stat-name"
    /// The name of the span.
    public static let decoratorOperation: HeaderName = "x-envoy-decorator-operation"
}
