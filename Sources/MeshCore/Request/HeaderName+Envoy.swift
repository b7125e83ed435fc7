// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension HeaderName {
    /// Whether the name stands for a part of the request line.
    @inlinable
    package var isOfRequestLine: Bool {
        lowercased.utf8.first == UInt8(ascii: ":") || lowercased == "host"
    }

    /// Whether Envoy 1.40 holds several values of the header as one line, joined by `,`, and so compares them as one.
    ///
    /// It does so for the headers that it keeps at places of their own. The list was taken from what a real Envoy
    /// answers to requests that send each of them twice.
    package var isListInEnvoy: Bool {
        isOfRequestLine || Self.listsInEnvoy.contains(lowercased)
    }

    private static let listsInEnvoy: Set<String> = [
        "accept", "accept-encoding", "access-control-request-headers", "access-control-request-method",
        "access-control-request-private-network", "authorization", "cache-control", "cdn-loop", "connection",
        "content-encoding", "content-length", "content-type", "expect", "grpc-accept-encoding", "grpc-timeout",
        "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive", "origin",
        "pragma", "proxy-connection", "proxy-status", "referer", "te", "transfer-encoding", "upgrade", "user-agent",
        "via", "x-client-trace-id", "x-envoy-attempt-count", "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node", "x-envoy-expected-rq-timeout-ms",
        "x-envoy-external-address", "x-envoy-force-trace", "x-envoy-hedge-on-per-try-timeout", "x-envoy-internal",
        "x-envoy-ip-tags", "x-envoy-is-timeout-retry", "x-envoy-max-retries", "x-envoy-original-host",
        "x-envoy-original-path", "x-envoy-original-url", "x-envoy-retriable-header-names",
        "x-envoy-retriable-status-codes", "x-envoy-retry-grpc-on", "x-envoy-retry-on",
        "x-envoy-upstream-alt-stat-name", "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response", "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-stream-duration-ms", "x-forwarded-client-cert", "x-forwarded-for", "x-forwarded-host",
        "x-forwarded-port", "x-forwarded-proto", "x-request-id",
    ]
}
