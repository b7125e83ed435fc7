// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct FaultInjectorTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let delay = FaultConfiguration.Delay(duration: .seconds(2), percentage: .all)
    private let abort = FaultConfiguration.Abort(status: 503, percentage: .all)

    private func injector(_ configuration: FaultConfiguration, seed: UInt64 = 1) throws -> FaultInjector {
        try FaultInjector(
            configuration,
            name: "checkout",
            observers: ObserverSet([observer]),
            clock: clock,
            random: MeshRandom(seed: seed)
        )
    }

    private func decision(_ action: PolicyDecision.Action, isEnforced: Bool = true) -> PolicyDecision {
        PolicyDecision(.fault, name: "checkout", action, because: .chance, isEnforced: isEnforced)
    }

    /// The kinds of the events about injected faults, in order.
    private var injected: [String] {
        observer.events.compactMap { if case .faultInjected("checkout", let kind) = $0 { kind } else { nil } }
    }

    @Test func `a closure is delayed, then aborted, and observers hear of both`() async throws {
        let injector = try injector(FaultConfiguration(delay: delay, abort: abort))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let error = await #expect(throws: MeshError.self) { try await injector.run { 7 } }
                #expect(error?.code == .faultInjected && error?.reason == .chance)
            }
            await clock.waitForSleepers()
            #expect(observer.decisions == [decision(.delayed)] && injected == ["delay"])
            clock.advance(by: .seconds(2))
        }
        #expect(observer.decisions == [decision(.delayed), decision(.aborted)])
        #expect(injected == ["delay", "abort"])
    }

    @Test func `an aborted closure gets what it is given instead: a result, an error, or a detour`() async throws {
        struct Chaos: Error {}
        let injector = try injector(FaultConfiguration(abort: abort))
        #expect(try await injector.run(instead: { 8 }, { 7 }) == 8)
        await #expect(throws: Chaos.self) { try await injector.run(instead: { throw Chaos() }, { 7 }) }
        var detours = 0
        let operation = { 7 }
        let value = try await injector.run(
            instead: {
                detours += 1
                return operation()
            },
            operation
        )
        #expect(value == 7 && detours == 1)
    }

    @Test func `a share of the calls suffers, the same ones for the same seed`() async throws {
        let tenth = FaultConfiguration(abort: .init(status: 500, percentage: .init(numerator: 10)))
        var shares: [Int] = []
        for _ in 0..<2 {
            let injector = try injector(tenth)
            var aborted = 0
            for _ in 0..<10_000 where (try? await injector.run {}) == nil { aborted += 1 }
            shares.append(aborted)
        }
        #expect((900...1_100).contains(shares[0]) && shares[0] == shares[1])
        #expect(observer.decisions.count == shares[0] * 2 && injected.count == shares[0] * 2)
    }

    @Test func `a delay of a range is drawn evenly from it`() {
        let range = FaultConfiguration(
            delay: .init(duration: .milliseconds(100), percentage: .all, upTo: .milliseconds(300))
        )
        let random = MeshRandom(seed: 4)
        let delays = (0..<10_000).compactMap { _ in
            FaultDecision(range, for: InMemoryRequest(), using: random).delay
        }
        #expect(delays.count == 10_000)
        #expect(delays.allSatisfy { $0 >= .milliseconds(100) && $0 <= .milliseconds(300) })
        let mean = delays.reduce(0) { $0 + $1.seconds } / 10_000
        #expect(abs(mean - 0.2) < 0.003)
        #expect(delays.count { $0 < .milliseconds(120) } > 800 && delays.count { $0 > .milliseconds(280) } > 800)
    }

    @Test func `it switches itself off when its time to live is over, and says so once`() async throws {
        let injector = try injector(FaultConfiguration(abort: abort, timeToLive: .seconds(60)))
        await #expect(throws: MeshError.self) { try await injector.run {} }
        clock.advance(by: .milliseconds(59_999))
        await #expect(throws: MeshError.self) { try await injector.run {} }
        #expect(!injector.isExpired)
        clock.advance(by: .milliseconds(1))
        #expect(injector.isExpired)
        for _ in 0..<3 { try await injector.run {} }
        let ended = PolicyDecision(.fault, name: "checkout", .changed, because: .recovered)
        #expect(observer.decisions == [decision(.aborted), decision(.aborted), ended])
    }

    @Test func `no more calls suffer at once than may`() async throws {
        let injector = try injector(FaultConfiguration(delay: delay, maximumActive: 2))
        let clock = clock
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { try? await injector.run {} } }
            await clock.waitForSleepers(2)
            #expect(injector.activeFaults == 2)
            for _ in 0..<5 { _ = try? await injector.run {} }
            #expect(clock.sleeperCount == 2 && injector.activeFaults == 2)
            group.cancelAll()
        }
        #expect(injector.activeFaults == 0)
        #expect(observer.decisions == [decision(.delayed), decision(.delayed)])
    }

    @Test func `many tasks at once never exceed the active faults, and all are given back`() async throws {
        let injector = try injector(FaultConfiguration(delay: delay, abort: abort, maximumActive: 3))
        let clock = clock
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 { group.addTask { _ = try? await injector.run {} } }
            await clock.waitForSleepers(3)
            #expect(injector.activeFaults >= 3)
            group.cancelAll()
        }
        #expect(injector.activeFaults == 0 && clock.sleeperCount == 0)
        #expect(observer.decisions.count { $0.action == .delayed } <= 100)
    }

    @Test func `a closure whose deadline passes during the delay is given up`() async throws {
        let injector = try injector(FaultConfiguration(delay: delay))
        let until = Deadline(.seconds(1), after: clock.now)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let error = await #expect(throws: MeshError.self) { try await injector.run(until: until) {} }
                #expect(error?.code == .deadlineExceeded)
            }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(1))
        }
        #expect(injector.activeFaults == 0)
    }

    @Test func `faults with conditions on headers leave closures alone`() async throws {
        let conditional = FaultConfiguration(abort: abort, headers: [HeaderMatcher("end-user", .present(false))])
        let injector = try injector(conditional)
        try await injector.run {}
        #expect(!injector.faults(for: InMemoryRequest()).isEmpty)
        #expect(injector.faults(for: InMemoryRequest(headers: [("end-user", "jason")])).isEmpty)
    }

    @Test func `in a dry run it says what it would have done, and injects nothing`() async throws {
        let injector = try injector(FaultConfiguration(delay: delay, abort: abort, mode: .observe))
        try await injector.run {}
        var context = CallContext(now: clock.now)
        try await injector.inject(into: InMemoryRequest(), &context)
        let expected = [decision(.delayed, isEnforced: false), decision(.aborted, isEnforced: false)]
        #expect(observer.decisions == expected + expected)
        #expect(injected.isEmpty && !context.isDelayInjected && clock.sleeperCount == 0)
    }

    @Test func `disabled it does nothing and tells nobody`() async throws {
        let injector = try injector(FaultConfiguration(delay: delay, abort: abort, mode: .disabled))
        for _ in 0..<3 { try await injector.run {} }
        #expect(observer.events.isEmpty)
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = FaultConfiguration(
            delay: .init(duration: .zero, percentage: .all, upTo: .forever),
            abort: .init(status: 199, percentage: .all),
            timeToLive: .zero,
            maximumActive: 0
        )
        let error = #expect(throws: ConfigurationError.self) { try FaultInjector(broken) }
        #expect(
            error?.problems.map(\.path) == [
                "delay.duration", "delay.upTo", "abort.status", "timeToLive", "maximumActive",
            ]
        )
        var grpc = FaultConfiguration.Abort(grpcStatus: 17, percentage: .all)
        grpc.status = 503
        let second = #expect(throws: ConfigurationError.self) { try FaultConfiguration(abort: grpc).validate() }
        #expect(second?.problems.map(\.path) == ["abort.grpcStatus", "abort.status"])
    }

    @Test func `extreme delays neither overflow nor trap`() throws {
        let random = MeshRandom(seed: 1)
        let longest = FaultConfiguration(delay: .init(duration: .zero, percentage: .all, upTo: .forever))
        for _ in 0..<1_000 {
            #expect(FaultDecision(longest, for: InMemoryRequest(), using: random).delay != nil)
        }
        let late = ManualClock(start: MeshInstant(nanoseconds: .max - 1))
        let injector = try FaultInjector(FaultConfiguration(abort: abort, timeToLive: .seconds(1)), clock: late)
        #expect(!injector.isExpired)
    }

    @Test func `settings say what is injected, and whose defaults the rest has`() {
        let settings = FaultConfiguration(abort: abort, maximumActive: 5).settings
        let chosen = settings.filter { $0.source == .configured("") }.map(\.description)
        #expect(chosen == ["abort.status 503", "abort.percentage 100.0%", "maximumActive 5"])
    }
}
