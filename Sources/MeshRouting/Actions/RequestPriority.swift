// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Which of a cluster's two sets of limits a request counts in (`envoy.config.core.v3.RoutingPriority`).
public enum RequestPriority: UInt8, Hashable, Sendable {
    /// Most requests.
    case standard
    /// Those that are let through while the others are held up.
    case high
}
