// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization

@testable import ServiceMesh

/// A prober that says of each port what it was told to say.
final class ScriptedProber: HealthProber {
    struct Seen: Hashable {
        var port: UInt16
        var at: MeshInstant
    }

    private struct State {
        var results: [UInt16: HealthProbeResult?] = [:]
        var slow: Set<UInt16> = []
        var seen: [Seen] = []
        var probes: [HealthProbe] = []
        var cancelled = 0
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) {
        self.clock = clock
    }

    /// What is said of an endpoint from now on; success by default, `nil` for nothing.
    func say(_ result: HealthProbeResult?, of port: UInt16) {
        state.withLock { $0.results[port] = .some(result) }
    }

    /// An endpoint answers no more, until it is told what to say.
    func silence(_ port: UInt16) {
        state.withLock { _ = $0.slow.insert(port) }
    }

    func wake(_ port: UInt16) {
        state.withLock { _ = $0.slow.remove(port) }
    }

    var probes: [HealthProbe] { state.withLock { $0.probes } }
    var cancelled: Int { state.withLock { $0.cancelled } }

    /// When an endpoint was asked, in seconds of the clock.
    func times(_ port: UInt16) -> [Double] {
        state.withLock { $0.seen.filter { $0.port == port }.map { Double($0.at.nanoseconds) / 1e9 } }
    }

    func result(of probe: HealthProbe) async -> HealthProbeResult? {
        let port = probe.endpoint.address.port ?? 0
        let now = clock.now
        let (result, isSlow) = state.withLock { state in
            state.seen.append(Seen(port: port, at: now))
            state.probes.append(probe)
            return (state.results[port] ?? .healthy, state.slow.contains(port))
        }
        guard isSlow else { return result }
        do {
            try await clock.sleep(until: MeshInstant(nanoseconds: .max))
        } catch {
            state.withLock { $0.cancelled += 1 }
        }
        return nil
    }
}

/// A mesh that runs, and asks.
struct CheckedMesh {
    let fixture: MeshFixture
    let prober: ScriptedProber
    let check: HealthCheck

    init(
        _ check: HealthCheck,
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step = { _, _ in .status(200) }
    ) throws {
        fixture = try MeshFixture(MeshResources(), answer: answer)
        prober = ScriptedProber(clock: fixture.clock)
        self.check = check
    }

    func resources(_ ports: [UInt16], _ change: (inout Cluster) -> Void = { _ in }) -> MeshResources {
        var resources = Given.simple(ports: ports)
        resources.clusters["v1"]?.healthCheck = check
        if resources.clusters["v1"] != nil { change(&resources.clusters["v1"]!) }
        return resources
    }

    func apply(_ ports: [UInt16], _ change: (inout Cluster) -> Void = { _ in }) throws {
        try fixture.mesh.apply(resources(ports, change))
    }

    /// Runs the mesh for the time of `body`.
    func running(_ body: @escaping () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let mesh = fixture.mesh
            group.addTask { try? await mesh.run() }
            await settle()
            mesh.add(prober)
            try await body()
            group.cancelAll()
        }
    }

    /// Waits until every endpoint waits for its time.
    func settle() async {
        await until { fixture.mesh.healthChecks.isIdle }
    }

    /// Gives way until the condition holds, which costs more to look at than the fixture's own.
    func until(_ condition: () -> Bool) async {
        for _ in 0..<100_000 {
            if condition() { return }
            await Task.yield()
        }
    }

    /// Lets so many seconds pass, one at a time.
    func pass(_ seconds: Int) async {
        await settle()
        for _ in 0..<seconds { await step(.seconds(1)) }
    }

    func step(_ span: Nanoseconds) async {
        fixture.clock.advance(by: span)
        await settle()
    }

    /// Where a hundred requests go.
    func ports() async -> Set<UInt16> {
        let before = fixture.attemptsByPort
        for _ in 0..<100 { await fixture.send() }
        return Set(fixture.attemptsByPort.filter { $0.value > before[$0.key, default: 0] }.keys)
    }

    var events: [String] {
        fixture.observer.events.compactMap { event in
            switch event {
            case .endpointHealthChanged(_, let endpoint, let health, let reason):
                "\(endpoint.port ?? 0) \(health)" + (reason.map { ": \($0)" } ?? "")
            case .healthCheckUnavailable(let cluster): "nobody asks \(cluster)"
            case .endpointReturned(_, let endpoint): "\(endpoint.port ?? 0) returned"
            default: nil
            }
        }
    }

    func outcomes(_ port: UInt16) -> [HealthProbeOutcome] {
        fixture.observer.events.compactMap { event in
            guard case .endpointProbed(_, let endpoint, let outcome) = event, endpoint.port == port else { return nil }
            return outcome
        }
    }
}
