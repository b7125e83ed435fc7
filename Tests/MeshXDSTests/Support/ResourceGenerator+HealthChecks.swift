// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension ResourceGenerator {
    /// A check of any kind.
    mutating func healthCheck() -> HealthCheck {
        HealthCheck(
            pick([.http(httpCheck()), .grpc(grpcCheck()), .tcp(tcpCheck())]),
            timeout: span(),
            interval: span(),
            unhealthyThreshold: pick([0, 1, 3, .max]),
            healthyThreshold: pick([0, 1, 2]),
            initialJitter: chance() ? span() : .zero,
            intervalJitter: chance() ? span() : .zero,
            intervalJitterPercent: pick([0, 10, .max]),
            noTrafficInterval: span(),
            noTrafficHealthyInterval: chance() ? span() : nil,
            unhealthyInterval: chance() ? span() : nil,
            unhealthyEdgeInterval: chance() ? span() : nil,
            healthyEdgeInterval: chance() ? span() : nil,
            reusesConnections: chance(),
            ignoresNewEndpoints: chance()
        )
    }

    /// What of it is an endpoint's own.
    mutating func endpointHealthCheck() -> EndpointHealthCheck {
        guard chance(30) else { return EndpointHealthCheck() }
        return EndpointHealthCheck(
            address: chance() ? EndpointAddress(host: "10.9.0.1", port: 80) : nil,
            port: nil,
            hostname: pick(["", "check.example"]),
            isDisabled: chance()
        )
    }

    private mutating func httpCheck() -> HealthCheck.HTTP {
        HealthCheck.HTTP(
            path: pick(["/", "/health?full"]),
            host: pick(["", "reviews"]),
            method: pick(["GET", "HEAD", "POST", "PATCH"]),
            removedFields: list(0...2) { HeaderName("x-\($0.below(3))") },
            addedFields: list(0...3) { $0.field() },
            expectedStatuses: list(0...2) { $0.pick([100..<600, 200..<201, 204..<300]) },
            retriableStatuses: list(0...2) { $0.pick([500..<600, 429..<430]) },
            version: pick([.http1, .http2]),
            serviceName: chance() ? stringMatcher() : nil
        )
    }

    private mutating func grpcCheck() -> HealthCheck.GRPC {
        HealthCheck.GRPC(
            serviceName: pick(["", "reviews"]),
            authority: pick(["", "reviews.example"]),
            metadata: list(0...2) { $0.field() }
        )
    }

    private mutating func tcpCheck() -> HealthCheck.TCP {
        HealthCheck.TCP(send: pick([[], [0, 1, 255]]), receive: list(0...2) { $0.pick([[0x50], [1, 16, 255]]) })
    }

    private mutating func field() -> HealthCheck.HTTP.Field {
        .init(
            HeaderName("x-\(below(3))"),
            pick(["", "a", "100%", "%%"]),
            action: pick([.append, .addIfAbsent, .overwriteOrAdd, .overwriteIfPresent])
        )
    }
}
