// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import ServiceMesh

/// Active health checks of a mesh that runs, in virtual time. The clock begins at one second.
@Suite struct HealthCheckDriverTests {
    private static let check = HealthCheck(
        .http(.init(path: "/health")),
        timeout: .milliseconds(300),
        interval: .seconds(1),
        unhealthyThreshold: 2,
        healthyThreshold: 2,
        noTrafficInterval: .seconds(1)
    )
    private static let refused = HealthProbeResult.failed(.init(.network, "connection refused"))
    private static let broken = HealthProbeResult.failed(.init(.answer, "status 500"))

    @Test func `new endpoints get requests when a probe has passed, and those that fail get none`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            mesh.prober.say(Self.refused, of: 3)
            try mesh.apply([1, 2, 3])
            await mesh.settle()
            #expect(await mesh.ports() == [1, 2])
            #expect(mesh.events == ["1 healthy", "2 healthy"] || mesh.events == ["2 healthy", "1 healthy"])
            let text = "\(mesh.fixture.mesh.explain(InMemoryRequest()))"
            #expect(text.contains("GET /health by HTTP/1.1, every 1.0 seconds"))
            #expect(text.contains("10.0.0.1:1 healthy (health check passed)"))
            #expect(text.contains("10.0.0.1:3 unhealthy (health check failed: connection refused)"))
        }
    }

    @Test func `thresholds count, and an answer that says no needs none`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            try mesh.apply([1, 2])
            await mesh.settle()
            mesh.prober.say(Self.refused, of: 1)
            await mesh.pass(1)
            #expect(await mesh.ports() == [1, 2])
            await mesh.pass(1)
            #expect(await mesh.ports() == [2])
            mesh.prober.say(.healthy, of: 1)
            await mesh.pass(1)
            #expect(await mesh.ports() == [2])
            await mesh.pass(1)
            #expect(await mesh.ports() == [1, 2])
            mesh.prober.say(Self.broken, of: 2)
            await mesh.pass(1)
            #expect(await mesh.ports() == [1])
            #expect(
                mesh.events.suffix(3) == ["1 unhealthy: connection refused", "1 healthy", "2 unhealthy: status 500"]
            )
            #expect(mesh.prober.times(1) == [1, 2, 3, 4, 5, 6])
            #expect(
                mesh.outcomes(1) == [.success, .networkFailure, .networkFailure, .success, .success, .success]
            )
        }
    }

    @Test func `before the first answer panic covers, and without panic nobody gets requests`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            mesh.prober.silence(1)
            mesh.prober.silence(2)
            try mesh.apply([1, 2])
            #expect(await mesh.ports() == [1, 2])
            try mesh.apply([1, 2]) { $0.panicThreshold = 0 }
            #expect(await mesh.fixture.send().meshError?.code == .noHealthyUpstream)
            #expect("\(mesh.fixture.mesh.explain(InMemoryRequest()))".contains("unhealthy (not checked yet)"))
        }
    }

    @Test func `a probe that takes too long is cancelled and counts`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            try mesh.apply([1, 2])
            await mesh.settle()
            mesh.prober.silence(1)
            for cancelled in 1...2 {
                mesh.fixture.clock.advance(by: .seconds(1))
                await mesh.until { mesh.prober.times(1).count == 1 + cancelled }
                // The other one's timer, the slow one and its time-out.
                await mesh.fixture.clock.waitForSleepers(3)
                await mesh.step(.milliseconds(300))
                #expect(mesh.prober.cancelled == cancelled)
            }
            #expect(mesh.outcomes(1) == [.success, .networkFailure, .networkFailure])
            #expect(mesh.events.last == "1 unhealthy: no answer within 0.3 seconds")
            #expect(await mesh.ports() == [2])
        }
    }

    @Test func `jitter spreads probes within its bounds`() async throws {
        var check = Self.check
        check.initialJitter = .seconds(2)
        check.intervalJitter = .milliseconds(500)
        check.intervalJitterPercent = 50
        let mesh = try CheckedMesh(check)
        try await mesh.running {
            let ports = Array(UInt16(1)...20)
            try mesh.apply(ports)
            await mesh.settle()
            for _ in 0..<100 { await mesh.step(.milliseconds(100)) }
            let first = ports.compactMap { mesh.prober.times($0).first }
            #expect(first.allSatisfy { $0 > 1 && $0 <= 3.1 })
            #expect(Set(first).count > 5)
            let gaps = ports.flatMap { port in
                let times = mesh.prober.times(port)
                return zip(times, times.dropFirst()).map { $1 - $0 }
            }
            // Seen at tenths of a second, so up to that much later than they came.
            #expect(gaps.allSatisfy { $0 >= 0.999 && $0 <= 2.101 })
            #expect((gaps.max() ?? 0) > 1.7 && (gaps.min() ?? 9) < 1.3)
        }
    }

    @Test func `without requests probes are rarer, and requests make them usual`() async throws {
        var check = Self.check
        check.noTrafficInterval = .seconds(10)
        let mesh = try CheckedMesh(check)
        try await mesh.running {
            try mesh.apply([1])
            await mesh.pass(12)
            #expect(mesh.prober.times(1) == [1, 11])
            await mesh.fixture.send()
            await mesh.pass(10)
            #expect(mesh.prober.times(1) == [1, 11, 21, 22, 23])
        }
    }

    @Test func `a success ends an ejection, where that is wished`() async throws {
        for isWished in [true, false] {
            let mesh = try CheckedMesh(Self.check) { sent, _ in .status(sent.endpoint?.port == 1 ? 503 : 200) }
            try await mesh.running {
                try mesh.apply([1, 2]) {
                    $0.outlierDetection = OutlierDetection(
                        consecutiveFailures: 1,
                        maximumEjectionPercent: 50,
                        successfulHealthCheckUnejects: isWished
                    )
                }
                await mesh.settle()
                #expect(await mesh.ports() == [1, 2])
                let state = mesh.fixture.cluster("v1")?.endpoints.first
                #expect(state?.isEjected(at: mesh.fixture.clock.now) == true)
                await mesh.pass(1)
                #expect(state?.isEjected(at: mesh.fixture.clock.now) == !isWished)
                #expect(mesh.events.contains("1 returned") == isWished)
            }
        }
    }

    @Test func `an answer to a request may end requests at once`() async throws {
        let mesh = try CheckedMesh(Self.check) { sent, _ in
            guard sent.endpoint?.port == 1 else { return .status(200) }
            return .respond(InMemoryResponse(200, headers: ["x-envoy-immediate-health-check-fail": "true"]))
        }
        try await mesh.running {
            try mesh.apply([1, 2])
            await mesh.settle()
            #expect(await mesh.ports() == [1, 2])
            #expect(mesh.fixture.attemptsByPort[1] == 1)
            #expect(await mesh.ports() == [2])
            #expect(mesh.events.last == "1 unhealthy: an answer to a request asked for it")
            #expect(mesh.outcomes(1) == [.success, .passiveFailure])
            await mesh.pass(2)
            #expect(await mesh.ports() == [1, 2])
        }
    }

    @Test func `who nobody can ask is healthy, and an event says so once`() async throws {
        let mesh = try CheckedMesh(Self.check)
        try await mesh.running {
            mesh.prober.say(nil, of: 1)
            mesh.prober.say(nil, of: 2)
            try mesh.apply([1, 2]) { $0.panicThreshold = 0 }
            await mesh.pass(5)
            #expect(await mesh.ports() == [1, 2])
            #expect(mesh.events == ["nobody asks v1"])
            let other = ScriptedProber(clock: mesh.fixture.clock)
            other.say(Self.broken, of: 2)
            mesh.fixture.mesh.add(other)
            await mesh.settle()
            #expect(await mesh.ports() == [1])
            #expect(mesh.prober.times(1).count == 6)
        }
    }

    @Test func `a mesh without a prober, or one that does not run, sends to everybody`() async throws {
        let fixture = try MeshFixture(MeshResources())
        let mesh = try CheckedMesh(Self.check)
        try fixture.mesh.apply(mesh.resources([1, 2]) { $0.panicThreshold = 0 })
        for _ in 0..<10 { await fixture.send() }
        #expect(fixture.attemptsByPort == [1: 5, 2: 5])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await fixture.mesh.run() }
            await fixture.until { fixture.mesh.healthChecks.isIdle }
            for _ in 0..<10 { await fixture.send() }
            #expect(fixture.attemptsByPort == [1: 10, 2: 10])
            group.cancelAll()
        }
    }
}
