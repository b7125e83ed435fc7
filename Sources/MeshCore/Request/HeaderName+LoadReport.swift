// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension HeaderName {
    /// An endpoint's load report as base 64 of its protobuf message: gRPC's trailer (gRFC A51), and Envoy's header.
    public static let endpointLoadMetricsBinary: HeaderName = "endpoint-load-metrics-bin"
    /// An endpoint's load report in a form that its first word names: `TEXT`, `JSON` or `BIN` (Envoy).
    public static let endpointLoadMetrics: HeaderName = "endpoint-load-metrics"
}
