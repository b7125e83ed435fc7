// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

extension HealthCheck {
    /// The check in words.
    var summary: String {
        var parts = [
            "every \(interval.duration)", "answered within \(timeout.duration)",
            "unhealthy after \(unhealthyThreshold), healthy after \(healthyThreshold)",
        ]
        if intervalJitter > .zero { parts[0] += " and up to \(intervalJitter.duration) more" }
        if intervalJitterPercent > 0 { parts[0] += " and up to \(intervalJitterPercent)% more" }
        parts.append("every \(noTrafficInterval.duration) before the first request")
        return "\(kind.summary), \(parts.joined(separator: ", "))"
    }
}

extension HealthCheck.Kind {
    fileprivate var summary: String {
        switch self {
        case .http(let http): "\(http.method) \(http.path) by \(http.version == .http2 ? "HTTP/2" : "HTTP/1.1")"
        case .grpc(let grpc):
            "grpc.health.v1" + (grpc.serviceName.isEmpty ? "" : " of the service \(grpc.serviceName)")
        case .tcp(let tcp): tcp.receive.isEmpty ? "a TCP connection" : "bytes over TCP"
        }
    }
}

extension EndpointHealthChecker {
    /// What the last probe has said.
    var summary: String {
        if let failure = lastFailure { return "health check failed: \(failure.reason)" }
        return isChecked ? "health check passed" : "not checked yet"
    }
}
