// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct AdmissionControlTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let refusal = PolicyDecision(.admissionControl, name: "reviews", .refused, because: .failures)

    /// A control that refuses everything once it has seen a failure.
    private func control(_ mode: PolicyMode = .enforce) throws -> AdmissionControl {
        var configuration = AdmissionControlConfiguration(maximumRefusal: 1, mode: mode)
        configuration.algorithm = .successRate(.init(aggression: 1_000))
        return try AdmissionControl(
            configuration,
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
    }

    private let upstream = MeshError(.connectionFailed, origin: .upstream, message: "refused")

    @Test func `it lets everything pass while nothing fails, and tells nobody`() async throws {
        let control = try control()
        for number in 0..<100 { #expect(try await control.run { number } == number) }
        #expect(control.refusalShare == 0 && observer.events.isEmpty)
    }

    @Test func `it refuses once calls fail, with Envoy's answer`() async throws {
        let control = try control()
        await #expect(throws: MeshError.self) { try await control.run { throw upstream } }
        #expect(control.refusalShare > 0.99)
        var isRun = false
        let error = await #expect(throws: MeshError.self) { try await control.run { isRun = true } }
        #expect(error?.code == .shed && error?.origin == .local && error?.reason == .failures)
        #expect(error?.localReply == LocalReply(status: 503, body: "denied by admission control"))
        #expect(!isRun && observer.decisions == [refusal])
        clock.advance(by: .seconds(31))
        try await control.run { isRun = true }
        #expect(isRun)
    }

    @Test(arguments: [
        (CancellationError() as any Error, true),
        (MeshError(.circuitOpen, origin: .local, message: ""), true),
        (MeshError(.cancelled, origin: .downstream, message: ""), true),
        (MeshError(.connectionClosed, origin: .upstream, message: ""), false),
        (ConfigurationError(path: "", "an application's own error"), false),
    ])
    func `what the caller or this process caused says nothing of the peer`(error: any Error, isIgnored: Bool)
        async throws
    {
        let control = try control()
        _ = try? await control.run { throw error }
        #expect((control.refusalShare == 0) == isIgnored)
    }

    @Test func `a returned value may be a failure, too`() async throws {
        let control = try control()
        func outcome(_ status: Int) -> Outcome { control.configuration.criteria.outcome(status: status) }
        #expect(try await control.run(outcome: outcome, { 200 }) == 200)
        #expect(control.refusalShare == 0)
        #expect(try await control.run(outcome: outcome, { 503 }) == 503)
        #expect(control.refusalShare > 0)
    }

    @Test func `a cancelled call leaves no trace`() async throws {
        let control = try control()
        let clock = clock
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = try? await control.run { try await clock.sleep(until: MeshInstant(nanoseconds: .max)) }
            }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(control.refusalShare == 0)
        try await control.run {}
    }

    @Test func `in a dry run it says what it would have refused, and goes on learning`() async throws {
        let control = try control(.observe)
        for _ in 0..<2 { _ = try? await control.run { throw upstream } }
        try await control.run {}
        var expected = refusal
        expected.isEnforced = false
        #expect(observer.decisions == [expected, expected])
        clock.advance(by: .seconds(31))
        #expect(control.refusalShare == 0)
    }

    @Test func `disabled it learns nothing`() async throws {
        let control = try control(.disabled)
        for _ in 0..<5 { _ = try? await control.run { throw upstream } }
        #expect(control.refusalShare == 0 && observer.events.isEmpty)
    }

    @Test func `the nack criteria count refusals for overload alone`() {
        let criteria = AdmissionCriteria.nack
        #expect(criteria.outcome(status: 500) == .success && criteria.outcome(status: 404) == .success)
        #expect(criteria.outcome(status: 503) == .failure && criteria.outcome(status: 429) == .failure)
        #expect(criteria.outcome(status: 200, grpcStatus: 13) == .success)
        #expect(criteria.outcome(status: 200, grpcStatus: 8) == .failure)
        #expect(criteria.outcome(error: upstream) == .success)
        #expect(criteria.outcome(error: MeshError(.shed, origin: .upstream, message: "")) == .failure)
    }

    @Test func `Envoy's criteria count what blames the server`() {
        let criteria = AdmissionCriteria.envoy
        #expect((200...600).filter { criteria.outcome(status: $0) == .failure } == Array(500...600))
        let failures = (0...16).filter { criteria.outcome(status: 200, grpcStatus: $0) == .failure }
        #expect(failures == [4, 8, 10, 13, 14, 15])
        #expect(criteria.outcome(error: upstream) == .failure)
    }

    @Test func `many tasks at once, and every outcome counts`() async throws {
        let settings = AdmissionControlConfiguration.SuccessRate(threshold: 1)
        let configuration = AdmissionControlConfiguration(algorithm: .successRate(settings), maximumRefusal: 1)
        let control = try AdmissionControl(configuration, clock: clock)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<1_000 { control.report((number + task) % 4 == 0 ? .failure : .success) }
                }
            }
        }
        #expect(control.refusalShare == 2_000.0 / 8_001.0)
    }

    @Test func `a configuration names every bound that is broken`() {
        let criteria = AdmissionCriteria(httpSuccess: [50..<200], grpcSuccess: [17], unanswered: .ignored)
        let rate = AdmissionControlConfiguration.SuccessRate(
            threshold: 0,
            aggression: .nan,
            window: .zero,
            buckets: 0,
            minimumRate: -1
        )
        let broken = AdmissionControlConfiguration(
            algorithm: .successRate(rate),
            maximumRefusal: .infinity,
            criteria: criteria
        )
        let error = #expect(throws: ConfigurationError.self) { try AdmissionControl(broken) }
        #expect(
            error?.problems.map(\.path) == [
                "algorithm.threshold", "algorithm.aggression", "algorithm.window", "algorithm.buckets",
                "algorithm.minimumRate", "maximumRefusal", "criteria.httpSuccess[0]", "criteria.grpcSuccess",
                "criteria.unanswered",
            ]
        )
        let nack = AdmissionControlConfiguration.Nack(threshold: 1, window: .forever, minimumRate: -1)
        let second = #expect(throws: ConfigurationError.self) {
            try AdmissionControlConfiguration(algorithm: .nack(nack)).validate()
        }
        #expect(
            second?.problems.map(\.path) == ["algorithm.threshold", "algorithm.window", "algorithm.minimumRate"]
        )
    }

    @Test(arguments: [AdmissionControlConfiguration.envoy, .finagle, .failsafe, .googleSRE])
    func `each library's numbers are valid, and settings say whose they are`(
        configuration: AdmissionControlConfiguration
    ) throws {
        try configuration.validate()
        let defaults = configuration.settings.filter { if case .standard = $0.source { true } else { false } }
        #expect(configuration != .envoy || defaults == configuration.settings)
        #expect(configuration.settings.contains { $0.name == "threshold" })
    }

    @Test func `what an operation throws when its caller gives up says nothing of the peer`() async throws {
        let (control, clock, upstream) = (try control(), clock, upstream)
        let call = Task {
            try await control.run {
                try? await clock.sleep(until: MeshInstant(nanoseconds: 60_000_000_000))
                throw upstream
            }
        }
        await clock.waitForSleepers()
        call.cancel()
        await #expect(throws: MeshError.self) { try await call.value }
        #expect(control.refusalShare == 0)
    }
}
