// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Synchronization

@testable import ServiceMesh

/// Endpoints that report what they are told to.
final class ScriptedLoadReports: LoadReportSource {
    enum Step: Sendable {
        case report(LoadReport)
        case unreadable
        case end(LoadReportCallEnding?)
    }

    struct Call {
        var subscription: LoadReportSubscription
        var at: MeshInstant
    }

    private struct State {
        var calls: [Call] = []
        var open: [UInt16: AsyncStream<Step>.Continuation] = [:]
        var cancelled = 0
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) {
        self.clock = clock
    }

    /// The calls that were made to an endpoint.
    func calls(_ port: UInt16) -> [Call] {
        state.withLock { $0.calls.filter { $0.subscription.endpoint.address.port == port } }
    }

    /// Who is on the line.
    var open: Set<UInt16> { state.withLock { Set($0.open.keys) } }
    var cancelled: Int { state.withLock { $0.cancelled } }

    func say(_ step: Step, of port: UInt16) {
        state.withLock { $0.open[port] }?.yield(step)
    }

    /// An endpoint says that it could serve so many requests a second.
    func report(capacity: Double, of port: UInt16) {
        say(.report(LoadReport(cpuUtilization: 0.5, requestsPerSecond: capacity / 2)), of: port)
    }

    func follow(
        _ subscription: LoadReportSubscription,
        _ received: @Sendable (Result<LoadReport, LoadReportError>) -> Void
    ) async -> LoadReportCallEnding? {
        let port = subscription.endpoint.address.port ?? 0
        let (steps, continuation) = AsyncStream.makeStream(of: Step.self)
        let call = Call(subscription: subscription, at: clock.now)
        state.withLock { state in
            state.calls.append(call)
            state.open[port] = continuation
        }
        for await step in steps {
            switch step {
            case .report(let report): received(.success(report))
            case .unreadable: received(.failure(.tooManyMetrics))
            case .end(let ending):
                state.withLock { $0.open[port] = nil }
                return ending
            }
        }
        state.withLock { state in
            state.cancelled += 1
            state.open[port] = nil
        }
        return nil
    }
}

/// A mesh that runs, and whose balancer asks for reports.
struct ReportedMesh {
    let fixture: MeshFixture
    let source: ScriptedLoadReports

    init(answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step = { _, _ in .status(200) })
        throws
    {
        fixture = try MeshFixture(MeshResources(), answer: answer)
        source = ScriptedLoadReports(clock: fixture.clock)
    }

    func apply(
        _ ports: [UInt16],
        period: Nanoseconds? = .seconds(10),
        blackout: Nanoseconds = .zero,
        _ change: (inout Cluster) -> Void = { _ in }
    ) throws {
        var resources = Given.simple(ports: ports)
        guard var cluster = resources.clusters["v1"] else { return }
        cluster.loadBalancing = .init(
            ClientSideWeightedRoundRobin(blackoutPeriod: blackout, outOfBandReportingPeriod: period)
        )
        change(&cluster)
        resources.clusters["v1"] = cluster
        try fixture.mesh.apply(resources)
    }

    /// Runs the mesh for the time of `body`.
    func running(asking: Bool = true, _ body: @escaping () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let mesh = fixture.mesh
            group.addTask { try? await mesh.run() }
            if asking { mesh.add(source) }
            try await body()
            group.cancelAll()
        }
    }

    /// Gives way until the condition holds.
    func until(_ condition: () -> Bool) async {
        for _ in 0..<200_000 {
            if condition() { return }
            await Task.yield()
        }
    }

    /// Lets time pass, a tenth of a second at a time, until the condition holds.
    func pass(_ steps: Int, until condition: () -> Bool) async {
        for _ in 0..<steps where !condition() {
            fixture.clock.advance(by: .milliseconds(100))
            for _ in 0..<2_000 where !condition() { await Task.yield() }
        }
    }

    /// Where so many requests go.
    func send(_ count: Int) async -> [UInt16: Int] {
        let before = fixture.attemptsByPort
        for _ in 0..<count { await fixture.send() }
        return fixture.attemptsByPort.merging(before) { $0 - $1 }
    }

    var events: [String] {
        fixture.observer.events.compactMap { event in
            switch event {
            case .loadReportReceived(_, let endpoint): "\(endpoint.port ?? 0) reported"
            case .loadReportRefused(_, let endpoint, let reason): "\(endpoint.port ?? 0) \(reason)"
            case .loadReportCallFailed(_, let endpoint, let reason): "\(endpoint.port ?? 0) failed: \(reason)"
            case .loadReportCallRefused(_, let endpoint): "\(endpoint.port ?? 0) refused"
            case .loadReportsUnavailable(let cluster): "nobody asks \(cluster)"
            default: nil
            }
        }
    }

    /// What is explained of an endpoint.
    func explained(_ port: UInt16) -> String {
        let lines = "\(fixture.mesh.explain(InMemoryRequest()))".split(separator: "\n")
        return lines.first { $0.contains("10.0.0.1:\(port) ") }.map(String.init) ?? ""
    }
}
