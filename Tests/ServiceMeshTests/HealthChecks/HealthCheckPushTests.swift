// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import ServiceMesh

/// What pushes do to active health checks.
@Suite struct HealthCheckPushTests {
    private static let check = HealthCheck(
        .grpc(.init(serviceName: "reviews")),
        interval: .seconds(1),
        unhealthyThreshold: 1,
        healthyThreshold: 3,
        noTrafficInterval: .seconds(1)
    )
    private static let broken = HealthProbeResult.failed(.init(.answer, "status 500"))

    private static func assignment(_ endpoints: [ClusterEndpoint]) -> Cluster.Discovery {
        .fixed(EndpointAssignment(name: "v1", localities: [LocalityEndpoints(endpoints: endpoints)]))
    }

    @Test func `a push that leaves an endpoint and its check alone changes nothing`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            mesh.prober.say(Self.broken, of: 2)
            try mesh.apply([1, 2])
            await mesh.settle()
            mesh.prober.say(.healthy, of: 2)
            await mesh.pass(2)
            // Another weight, another limit, another endpoint: two of the three successes stand.
            try mesh.apply([1, 2, 3]) {
                $0.connectTimeout = .seconds(9)
                $0.discovery = Self.assignment(
                    [1, 2, 3].map { ClusterEndpoint(Given.address($0), weight: UInt32($0)) }
                )
            }
            await mesh.settle()
            #expect(await mesh.ports() == [1, 3])
            #expect(mesh.prober.times(2) == [1, 2, 3])
            #expect(mesh.prober.times(3) == [3])
            await mesh.pass(1)
            #expect(await mesh.ports() == [1, 2, 3])
            #expect(mesh.prober.probes.last?.endpoint.connectTimeout == .seconds(1))
        }
    }

    @Test func `who is gone is asked no more`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            try mesh.apply([1, 2])
            await mesh.pass(1)
            try mesh.apply([1])
            await mesh.pass(2)
            #expect(mesh.prober.times(1) == [1, 2, 3, 4])
            #expect(mesh.prober.times(2) == [1, 2])
            try mesh.apply([1]) { $0.healthCheck = nil }
            await mesh.pass(2)
            #expect(mesh.prober.times(1) == [1, 2, 3, 4])
            try mesh.apply([1, 2]) { $0.healthCheck = nil }
            #expect(await mesh.ports() == [1, 2])
        }
    }

    @Test func `a probe of an endpoint that goes meanwhile says nothing`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            mesh.prober.silence(2)
            try mesh.apply([1, 2])
            await mesh.until { mesh.prober.times(2).count == 1 }
            try mesh.apply([1])
            await mesh.fixture.clock.waitForSleepers(3)
            await mesh.step(.seconds(1))
            await mesh.until { mesh.fixture.mesh.healthChecks.load.probing == 0 }
            #expect(mesh.outcomes(2).isEmpty)
            await mesh.pass(1)
            #expect(mesh.prober.times(2) == [1])
        }
    }

    @Test func `another check begins anew, from the health there was`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            mesh.prober.say(Self.broken, of: 2)
            try mesh.apply([1, 2])
            await mesh.settle()
            mesh.prober.silence(1)
            mesh.prober.silence(2)
            // A new endpoint waits for its first probe; the others are what they were.
            try mesh.apply([1, 2, 3]) {
                $0.healthCheck?.timeout = .seconds(20)
                $0.panicThreshold = 0
            }
            await mesh.until { mesh.prober.times(3).count == 1 && mesh.prober.times(2).count == 2 }
            await mesh.until { mesh.events.contains("3 healthy") }
            #expect(await mesh.ports() == [1, 3])
            let clusters = mesh.prober.probes.map(\.check.timeout)
            #expect(clusters.last == .seconds(20))
        }
    }

    @Test func `a cluster that gets a check goes on serving until it has answers`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            try mesh.apply([1, 2]) { $0.healthCheck = nil }
            mesh.prober.silence(1)
            mesh.prober.say(Self.broken, of: 2)
            try mesh.apply([1, 2]) { $0.panicThreshold = 0 }
            await mesh.until { mesh.events.contains("2 unhealthy: status 500") }
            #expect(await mesh.ports() == [1])
        }
    }

    @Test func `endpoints may be asked elsewhere, under another name, or not at all`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            let elsewhere = EndpointAddress(host: "10.9.9.9", port: 99)
            try mesh.apply([1]) {
                $0.discovery = Self.assignment([
                    ClusterEndpoint(Given.address(1), healthCheck: .init(port: 11, hostname: "one")),
                    ClusterEndpoint(Given.address(2), healthCheck: .init(address: elsewhere)),
                    ClusterEndpoint(Given.address(3), healthCheck: .init(address: elsewhere, port: 33)),
                    ClusterEndpoint(Given.address(4), healthCheck: .init(isDisabled: true)),
                ])
                $0.healthCheck?.reusesConnections = false
            }
            await mesh.settle()
            let probes = mesh.prober.probes.sorted { ($0.endpoint.address.port ?? 0) < ($1.endpoint.address.port ?? 0) }
            #expect(probes.map { "\($0.endpoint.address)" } == ["10.0.0.1:11", "10.9.9.9:33", "10.9.9.9:99"])
            #expect(probes.map(\.authority) == ["one", "v1", "v1"])
            #expect(probes.allSatisfy { $0.endpoint.connection.httpVersion == .http2 })
            #expect(probes.allSatisfy { $0.endpoint.connection.maximumRequests == 1 })
            #expect(probes.allSatisfy { $0.endpoint.cluster == "v1 (health check)" })
            #expect(await mesh.ports() == [1, 2, 3, 4])
            mesh.prober.say(Self.broken, of: 99)
            await mesh.pass(1)
            #expect(await mesh.ports() == [1, 3, 4])
        }
    }

    @Test func `what the control plane says counts as well`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            try mesh.apply([1]) {
                $0.panicThreshold = 0
                $0.discovery = Self.assignment([
                    ClusterEndpoint(Given.address(1)), ClusterEndpoint(Given.address(2), health: .unhealthy),
                ])
            }
            await mesh.settle()
            #expect(await mesh.ports() == [1])
        }
    }

    @Test func `no more than 64 probes run at once, and everybody has a turn`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            let ports = Array(UInt16(1)...100)
            for port in ports { mesh.prober.silence(port) }
            try mesh.apply(ports)
            await mesh.until { mesh.prober.probes.count == 64 }
            #expect(mesh.fixture.mesh.healthChecks.load == (64, 36))
            for _ in 0..<100 { await Task.yield() }
            #expect(mesh.prober.probes.count == 64)
            await mesh.fixture.clock.waitForSleepers(128)
            mesh.fixture.clock.advance(by: .seconds(1))
            await mesh.until { mesh.prober.probes.count == 100 }
            #expect(Set(mesh.prober.probes.compactMap(\.endpoint.address.port)) == Set(ports))
        }
    }

    @Test func `who comes back to health begins slowly`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            let slow: (inout Cluster) -> Void = {
                $0.loadBalancing = .init(RoundRobin(slowStart: SlowStart(window: .seconds(60))))
            }
            try mesh.apply([1, 2], slow)
            await mesh.settle()
            // No step may be longer than an interval.
            await mesh.pass(70)
            mesh.prober.say(Self.broken, of: 2)
            await mesh.pass(1)
            mesh.prober.say(.healthy, of: 2)
            await mesh.pass(3)
            let before = mesh.fixture.attemptsByPort[2] ?? 0
            for _ in 0..<1_000 { await mesh.fixture.send() }
            let share = Double((mesh.fixture.attemptsByPort[2] ?? 0) - before) / 1_000
            #expect(abs(share - 0.1 / 1.1) < 0.02)
        }
    }
}
