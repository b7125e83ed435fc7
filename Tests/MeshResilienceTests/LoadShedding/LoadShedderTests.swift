// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct LoadShedderTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let share = Shared(0.0)

    private func shedder(
        _ configuration: LoadShedderConfiguration = LoadShedderConfiguration(),
        load: SystemLoad? = nil
    ) throws -> LoadShedder {
        let share = share
        return try LoadShedder(
            configuration,
            name: "inbound",
            load: load,
            signals: [LoadSignal { 0 }, LoadSignal { share.value }],
            observers: ObserverSet([observer]),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
    }

    @Test func `it guards any async closure and counts what is under way`() async throws {
        let shedder = try shedder()
        #expect(try await shedder.run(.sheddable) { shedder.inFlight } == 1)
        await #expect(throws: CancellationError.self) { try await shedder.run { throw CancellationError() } }
        do {
            let permit = try shedder.admit(.critical)
            #expect(shedder.inFlight == 1)
            permit.served()
            _ = try shedder.admit()
        }
        #expect(shedder.inFlight == 0 && observer.decisions.isEmpty)
    }

    @Test func `a refusal says why, is told once, and runs nothing`() async throws {
        let shedder = try shedder()
        share.update { $0 = 1 }
        let error = await #expect(throws: MeshError.self) {
            try await shedder.run(.criticalPlus) { Issue.record("it ran") }
        }
        #expect(error?.code == .shed && error?.reason == .limit && error?.localReply?.status == 503)
        #expect(error?.origin == .local && error?.requestState == .notSent)
        #expect(observer.decisions == [PolicyDecision(.loadShedding, name: "inbound", .refused, because: .limit)])
        #expect(shedder.inFlight == 0)
    }

    @Test func `less important requests are refused while more important ones pass`() async throws {
        let shedder = try shedder()
        for _ in 0..<100 {
            for criticality in Criticality.allCases { try await shedder.run(criticality) {} }
        }
        share.update { $0 = 0.5 }
        let error = await #expect(throws: MeshError.self) { try await shedder.run(.sheddable) {} }
        #expect(error?.reason == .priority)
        try await shedder.run(.criticalPlus) {}
        try await shedder.run(user: "amélie") {}
    }

    @Test func `the wait in an adaptive limit's queue or a bulkhead's is a signal`() async throws {
        let bulkhead = try Bulkhead(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9), clock: clock)
        let limit = try AdaptiveLimit(
            algorithm: FixedLimit(limit: 1),
            configuration: AdaptiveLimitConfiguration(maximumQueued: 9),
            clock: clock
        )
        let configuration = LoadShedderConfiguration()
        let behindBulkhead = try LoadShedder(configuration, signals: [.queue(of: bulkhead)], clock: clock)
        let behindLimit = try LoadShedder(configuration, signals: [.queue(of: limit)], clock: clock)
        let place = try await bulkhead.acquire()
        let other = try await limit.acquire()
        await withTaskGroup(of: Void.self) { group in
            for number in 1...3 {
                group.addTask { try? await bulkhead.run {} }
                group.addTask { try? await limit.run {} }
                await clock.waitForSleepers(number * 2)
                for shedder in [behindBulkhead, behindLimit] {
                    do {
                        try await shedder.run {}
                        #expect(number < 3)
                    } catch {
                        #expect(number == 3 && (error as? MeshError)?.reason == .limit)
                    }
                }
            }
            group.cancelAll()
        }
        place.release()
        other.ended(.ignored)
    }

    @Test func `under high load the system's rule refuses, and waits that are reported count`() async throws {
        let load = Shared(0.0)
        let shedder = try shedder(
            LoadShedderConfiguration(delayFrom: .milliseconds(10), loadTrigger: 4),
            load: SystemLoad { load.value }
        )
        try await shedder.run { clock.advance(by: .milliseconds(1)) }
        let first = try shedder.admit()
        let second = try shedder.admit()
        load.update { $0 = 5 }
        let error = await #expect(throws: MeshError.self) { try await shedder.run {} }
        #expect(error?.reason == .latency)
        first.served()
        second.served()
        load.update { $0 = 0 }
        shedder.reportWait(.seconds(1))
        clock.advance(by: .milliseconds(100))
        let late = await #expect(throws: MeshError.self) { try await shedder.run {} }
        #expect(late?.reason == .limit)
    }

    @Test func `a request that is cancelled while it is handled is neither served nor kept`() async throws {
        let shedder = try shedder(LoadShedderConfiguration(loadTrigger: 1), load: SystemLoad { 9 })
        let clock = clock
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    await #expect(throws: CancellationError.self) {
                        try await shedder.run { try await clock.sleep(until: MeshInstant(nanoseconds: .max)) }
                    }
                }
            }
            await clock.waitForSleepers(5)
            #expect(shedder.inFlight == 5, "with nothing served there is no bound")
            group.cancelAll()
        }
        #expect(shedder.inFlight == 0)
        let first = try shedder.admit()
        let second = try shedder.admit()
        let third = try shedder.admit()
        #expect(shedder.inFlight == 3, "the cancelled ones did not set a throughput")
        first.served()
        second.served()
        third.served()
    }

    @Test func `observing tells what it would have refused and refuses nobody`() async throws {
        let shedder = try shedder(LoadShedderConfiguration(mode: .observe))
        share.update { $0 = 1 }
        #expect(try await shedder.run { shedder.inFlight } == 0, "what would have been refused does not count")
        #expect(observer.decisions.map(\.isEnforced) == [false])
    }

    @Test func `disabled it counts nothing and refuses nobody`() async throws {
        let shedder = try shedder(LoadShedderConfiguration(capacity: 1, mode: .disabled))
        share.update { $0 = 1 }
        for _ in 0..<20 { try await shedder.run { #expect(shedder.inFlight == 0) } }
        #expect(observer.events.isEmpty)
    }

    @Test func `a capacity that changes is in force at once`() async throws {
        let shedder = try shedder()
        let first = try shedder.admit()
        let second = try shedder.admit()
        let third = try shedder.admit()
        let fourth = try shedder.admit()
        shedder.changeCapacity(to: 1)
        let error = await #expect(throws: MeshError.self) { try await shedder.run {} }
        #expect(error?.reason == .limit)
        shedder.changeCapacity(to: nil)
        try await shedder.run {}
        first.served()
        second.served()
        third.served()
        fourth.served()
        #expect(shedder.inFlight == 0)
    }

    @Test func `many tasks at once leave exact counts`() async throws {
        let shedder = try LoadShedder(LoadShedderConfiguration(capacity: 1))
        let counts = Shared((served: 0, refused: 0))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<500 {
                        do {
                            try await shedder.run(Criticality.allCases[task % 4], user: "\(task)") {
                                await Task.yield()
                            }
                            counts.update { $0.served += 1 }
                        } catch {
                            counts.update { $0.refused += 1 }
                        }
                    }
                }
            }
        }
        #expect(counts.value.served + counts.value.refused == 4_000 && counts.value.served > 0)
        #expect(shedder.inFlight == 0)
    }

    @Test func `a configuration names every bound that is broken`() {
        let broken = LoadShedderConfiguration(
            capacity: 0,
            queueFrom: .nan,
            queueTo: 0.5,
            delayFrom: .zero,
            delayTo: .zero,
            delayInterval: .zero,
            loadTrigger: .infinity,
            loadWindow: .zero,
            criticalityHeader: "",
            userHeader: "a b",
            memory: .zero
        )
        let error = #expect(throws: ConfigurationError.self) { try LoadShedder(broken) }
        #expect(
            error?.problems.map(\.path) == [
                "capacity", "queueFrom", "queueTo", "delayFrom", "delayInterval", "loadTrigger", "loadWindow",
                "criticalityHeader", "userHeader", "memory",
            ]
        )
        let missing = #expect(throws: ConfigurationError.self) {
            try LoadShedder(LoadShedderConfiguration(loadTrigger: 4))
        }
        #expect(missing?.problems.map(\.path) == ["loadTrigger"])
    }

    @Test func `settings say what is in force and where it comes from`() {
        let settings = LoadShedderConfiguration(capacity: 7).settings
        #expect(settings.count == 13 && settings[1].description == "capacity 7")
        #expect(settings[2].description == "queueFrom 2.0 (default: failsafe-go initialRejectionFactor)")
        let standard = LoadShedderConfiguration().settings
        #expect(standard.allSatisfy { if case .standard = $0.source { true } else { false } })
    }

    @Test func `the example of the documentation compiles and runs`() async throws {
        let shedder = try LoadShedder(
            LoadShedderConfiguration(capacity: 100, userHeader: "x-user"),
            name: "inbound"
        )
        let permit = try shedder.admit(.sheddable, user: "ada")
        #expect(shedder.inFlight == 1)
        permit.served()
        #expect(shedder.inFlight == 0)
    }
}
