// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct AdaptiveRateLimitTests {
    private let clock = ManualClock(start: MeshInstant(nanoseconds: 0))
    private let observer = RecordingObserver()
    private let configuration = AdaptiveRateLimitConfiguration()

    private func at(_ seconds: Double) -> MeshInstant { MeshInstant(nanoseconds: UInt64(seconds * 1e9)) }

    private func limit(_ configuration: AdaptiveRateLimitConfiguration) throws -> AdaptiveRateLimit {
        try AdaptiveRateLimit(configuration, name: "table", observers: ObserverSet([observer]), clock: clock)
    }

    /// A machine whose curve's last largest rate is 10, throttled at 5 s.
    private func throttledAtFive() -> AdaptiveRateLimitStateMachine {
        var machine = AdaptiveRateLimitStateMachine(configuration, at: at(0))
        #expect(machine.throttled(from: 10, at: at(5)) == 7)
        return machine
    }

    @Test func `row 117: after a throttled answer the rate follows CUBIC's curve`() {
        let machine = throttledAtFive()
        let expected = [7.0, 9.649, 10.000, 10.453, 13.409, 21.266, 36.426]
        for (second, rate) in zip(5...11, expected) {
            #expect(abs(machine.curve(at: at(Double(second))) - rate) < 0.001)
        }
    }

    @Test func `row 118: each throttled answer begins a new curve below the old one`() {
        var machine = throttledAtFive()
        var rate = machine.curve(at: at(6))
        for (second, expected) in [(7.0, 6.754), (8, 4.728)] {
            rate = machine.throttled(from: rate, at: at(second))
            #expect(abs(rate - expected) < 0.001)
        }
        for (second, expected) in [(9.0, 6.607), (10, 6.763), (11, 7.598), (12, 11.511)] {
            #expect(abs(machine.curve(at: at(second)) - expected) < 0.001)
        }
    }

    @Test func `the sending rate is measured, and bounds the allowed one, as in the SDKs' own table`() {
        var machine = AdaptiveRateLimitStateMachine(configuration, at: at(0))
        let table: [(second: Double, isThrottled: Bool, measured: Double, allowed: Double)] = [
            (0.2, false, 0, 0.5), (0.4, false, 0, 0.5), (0.6, false, 4.8, 0.5), (0.8, false, 4.8, 0.5),
            (1.0, false, 4.16, 0.5), (1.2, false, 4.16, 0.6912), (1.4, false, 4.16, 1.0976),
            (1.6, false, 5.632, 1.6384), (1.8, false, 5.632, 2.3328), (2.0, true, 4.3264, 3.02848),
            (2.2, false, 4.3264, 3.486639),
        ]
        for step in table {
            machine.responseReceived(isThrottled: step.isThrottled, at: at(step.second))
            #expect(abs(machine.measuredRate - step.measured) < 0.001)
            #expect(abs(machine.rate - step.allowed) < 0.001)
            #expect(machine.isLimiting == (step.second >= 2))
        }
    }

    @Test func `the cube root is exact to the last bits`() {
        for root in [1e-5, 0.5, 1, 2, 3.7, 1_957.25, 1e6] {
            let found = AdaptiveRateLimitStateMachine.cubeRoot(root * root * root)
            #expect(abs(found / root - 1) < 1e-14)
        }
        #expect(AdaptiveRateLimitStateMachine.cubeRoot(-1) == 0 && AdaptiveRateLimitStateMachine.cubeRoot(.nan) == 0)
    }

    @Test func `nothing is limited before the peer throttles, and those who wait then queue up`() async throws {
        let limit = try limit(configuration)
        for _ in 0..<100 { try await limit.run {} }
        #expect(limit.rate == nil && clock.sleeperCount == 0 && observer.events.isEmpty)
        #expect(try await limit.run(isThrottled: { $0 == 429 }, { 429 }) == 429)
        #expect(limit.rate == 0.5)
        let clock = clock
        await withThrowingTaskGroup(of: MeshInstant.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    try await limit.acquire()
                    return clock.now
                }
            }
            await clock.waitForSleepers(3)
            for waiting in [3, 2, 1] {
                #expect(clock.sleeperCount == waiting)
                clock.advance(by: .seconds(2))
            }
        }
        #expect(clock.sleeperCount == 0)
        #expect(observer.decisions.map(\.action) == [.changed, .queued, .queued, .queued])
        #expect(observer.decisions.allSatisfy { $0.reason == .pushback && $0.name == "table" })
    }

    @Test func `a cancelled wait moves those behind it forward, and a cancelled call reports nothing`() async throws {
        let limit = try limit(configuration)
        limit.report(isThrottled: true)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await limit.run {} }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        let until = Deadline(.milliseconds(2_001), after: clock.now)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await limit.run(until: until) { throw CancellationError() } }
            await clock.waitForSleepers()
            let rate = limit.rate
            clock.advance(by: .seconds(2))
            await #expect(throws: CancellationError.self) { try await group.next() }
            #expect(limit.rate == rate)
        }
    }

    @Test func `a cancelled call says nothing of the peer in whatever words it ends, as in the layer`() async throws {
        let (limit, clock) = (try limit(configuration), clock)
        let throttled = MeshError(.rateLimited, origin: .upstream, message: "")
        let contract = TransportContract(InMemoryTransport([.fail(throttled)], clock: clock))
        let layer = AdaptiveRateLimitLayer(contract, source: FixedPolicy(limit))
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask {
                await #expect(throws: MeshError.self) { try await limit.run { throw throttled } }
                #expect(limit.rate == nil)
                var context = CallContext(now: clock.now)
                await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
            }
        }
        #expect(limit.rate == nil && observer.events.isEmpty && contract.violations.isEmpty)
        var context = CallContext(now: clock.now, deadline: Deadline(.seconds(1), after: clock.now))
        await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
        #expect(limit.rate == 0.5, "unlike a call that nobody cancelled")
    }

    @Test func `a turn that would come too late is refused at once`() async throws {
        var configuration = configuration
        configuration.maximumWait = .seconds(3)
        let limit = try limit(configuration)
        limit.report(isThrottled: true)
        let close = Deadline(.seconds(2), after: clock.now)
        let hopeless = await #expect(throws: MeshError.self) { try await limit.acquire(until: close) }
        #expect(hopeless?.reason == .deadline && hopeless?.retryAfter == .seconds(2))
        async let first: Void = limit.acquire()
        await clock.waitForSleepers()
        let error = await #expect(throws: MeshError.self) { try await limit.acquire() }
        #expect(error?.code == .rateLimited && error?.reason == .waitTooLong && error?.retryAfter == .seconds(4))
        clock.advance(by: .seconds(2))
        try await first
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `in a dry run and disabled nobody waits`(mode: PolicyMode) async throws {
        let limit = try limit(AdaptiveRateLimitConfiguration(maximumWait: .seconds(3), mode: mode))
        limit.report(isThrottled: true)
        for _ in 0..<3 { try await limit.run {} }
        #expect(clock.sleeperCount == 0)
        let actions = observer.decisions.map(\.action)
        #expect(actions == (mode == .observe ? [.changed, .queued, .refused, .refused] : []))
        #expect(observer.decisions.allSatisfy { !$0.isEnforced })
        #expect((limit.rate == nil) == (mode == .disabled))
    }

    @Test func `errors say whether the peer throttled, or nothing at all`() {
        let classifier = ThrottleClassifier.standard
        #expect(classifier.isThrottled(error: CancellationError()) == nil)
        #expect(classifier.isThrottled(error: MeshError(.rateLimited, origin: .local, message: "")) == nil)
        #expect(classifier.isThrottled(error: MeshError(.rateLimited, origin: .upstream, message: "")) == true)
        #expect(classifier.isThrottled(error: MeshError(.connectionFailed, origin: .upstream, message: "")) == false)
        #expect(classifier.isThrottled(status: 429) && !classifier.isThrottled(status: 503))
        #expect(
            classifier.isThrottled(status: 200, grpcStatus: 8) && !classifier.isThrottled(status: 200, grpcStatus: 0)
        )
        #expect(ThrottleClassifier { status, _ in status == 503 }.isThrottled(status: 503))
    }

    @Test func `the layer hears of throttled answers, and slows down`() async throws {
        let answers: [InMemoryTransport.Step] = [
            .status(200), .respond(InMemoryResponse(200, headers: ["grpc-status": "8"])), .status(200),
        ]
        let network = InMemoryTransport(answers, clock: clock)
        let contract = TransportContract(network)
        let limit = try limit(configuration)
        let layer = AdaptiveRateLimitLayer(contract, source: FixedPolicy(limit))
        var context = CallContext(now: clock.now)
        try await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in }
        #expect(limit.rate == nil)
        try await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in }
        #expect(limit.rate == 0.5)
        context.deadline = Deadline(.seconds(1), after: clock.now)
        await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
        #expect(network.sent.count == 2 && contract.violations.isEmpty)
    }

    @Test func `no walk makes the rate leave its bounds`() {
        let random = MeshRandom(seed: 3)
        var machine = AdaptiveRateLimitStateMachine(configuration, at: at(0))
        var now = at(0)
        var (throttles, violations) = (0, 0)
        for step in 0..<100_000 {
            let isLeap = step % 10_000 == 9_999
            now = now.advanced(by: isLeap ? .seconds(5_184_000) : Nanoseconds(rawValue: random.below(400_000_000)))
            switch machine.permitWanted(at: now, until: now.advanced(by: .seconds(5))) {
            case .granted: break
            case .reserved(let turn):
                if turn <= now || turn > now.advanced(by: .seconds(5)) { violations += 1 }
                if random.below(3) == 0 { machine.permitGivenBack(at: now) }
            case .refused(let wait): if wait <= .seconds(5) { violations += 1 }
            }
            let isThrottled = random.below(10) == 0
            if isThrottled { throttles += 1 }
            machine.responseReceived(isThrottled: isThrottled, at: now)
            if !machine.rate.isFinite || machine.rate < 0.5 { violations += 1 }
            if machine.rate > max(0.5, 2 * machine.measuredRate) { violations += 1 }
        }
        #expect(violations == 0 && throttles > 5_000)
        for instant in [MeshInstant(nanoseconds: .max), at(0), MeshInstant(nanoseconds: .max - 1)] {
            machine.responseReceived(isThrottled: true, at: instant)
            _ = machine.permitWanted(at: instant, until: MeshInstant(nanoseconds: .max))
            #expect(machine.rate.isFinite)
        }
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = AdaptiveRateLimitConfiguration(
            beta: .nan,
            scale: 0,
            smoothing: 2,
            minimumRate: -.infinity,
            minimumBurst: 0,
            measurement: .zero,
            maximumWait: .forever
        )
        let error = #expect(throws: ConfigurationError.self) { try AdaptiveRateLimit(broken) }
        #expect(
            error?.problems.map(\.path) == [
                "beta", "scale", "smoothing", "minimumRate", "minimumBurst", "measurement", "maximumWait",
            ]
        )
        #expect(configuration.settings.allSatisfy { if case .standard = $0.source { true } else { false } })
    }
}
