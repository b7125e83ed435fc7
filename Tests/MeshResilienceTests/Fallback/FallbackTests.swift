// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct FallbackTests {
    private let observer = RecordingObserver()

    private func fallback(
        _ steps: [FallbackStep<Int>],
        maximumConcurrent: Int = 10,
        mode: PolicyMode = .enforce
    ) throws -> Fallback<Int> {
        try Fallback(
            FallbackConfiguration(maximumConcurrent: maximumConcurrent, mode: mode),
            steps: steps,
            name: "reviews",
            observers: ObserverSet([observer])
        )
    }

    private func decision(
        _ action: PolicyDecision.Action,
        _ reason: PolicyDecision.Reason,
        isEnforced: Bool = true
    ) -> PolicyDecision {
        PolicyDecision(.fallback, name: "reviews", action, because: reason, isEnforced: isEnforced)
    }

    @Test func `a success needs no fallback`() async throws {
        let fallback = try fallback([.value(0)])
        #expect(try await fallback.run { 7 } == 7)
        #expect(observer.decisions == [])
    }

    @Test func `a value stands in for a failure`() async throws {
        #expect(try await fallback([.value(3)]).run { throw Broken() } == 3)
        #expect(observer.decisions == [decision(.fellBack, .failure)])
    }

    @Test func `the first step that handles the error answers, and gets it`() async throws {
        let steps = [
            FallbackStep<Int>(when: { $0 is MeshError }) { _ in 1 },
            FallbackStep(when: { $0 is Broken }) { ($0 as? Broken)?.number ?? 0 },
            .value(9),
        ]
        #expect(try await fallback(steps).run { throw Broken(number: 5) } == 5)
    }

    @Test func `a step that fails leaves it to the next one that handles its error`() async throws {
        let steps = [
            FallbackStep<Int>(when: { $0 is Broken }) { _ in
                throw MeshError(.connectionFailed, origin: .upstream, message: "cache")
            },
            FallbackStep(when: { $0 is Broken }) { _ in 1 },
            FallbackStep(when: { $0 is MeshError }) { _ in 2 },
        ]
        #expect(try await fallback(steps).run { throw Broken() } == 2)
        #expect(observer.decisions.count == 1, "one call fell back once, however many steps it took")
    }

    @Test func `when every fallback fails no error is lost`() async throws {
        let fallback = try fallback([
            FallbackStep { _ in throw Broken(number: 2) }, FallbackStep { _ in throw Broken(number: 3) },
        ])
        let failure = await #expect(throws: FallbackFailure.self) {
            try await fallback.run { throw Broken(number: 1) }
        }
        #expect(failure?.original as? Broken == Broken(number: 1))
        #expect(failure?.fallbacks.compactMap { ($0 as? Broken)?.number } == [2, 3])
        #expect(failure?.description.contains("fallback:") == true)
        #expect(fallback.running == 0)
    }

    @Test func `an error that no step handles goes through as it is`() async throws {
        let fallback = try fallback([FallbackStep(when: { $0 is MeshError }) { _ in 1 }])
        await #expect(throws: Broken(number: 4)) { try await fallback.run { throw Broken(number: 4) } }
        #expect(observer.decisions == [])
    }

    @Test func `Hystrix: when too many fallbacks are under way a further one is refused`() async throws {
        let gate = Gate()
        let fallback = try fallback(
            [
                FallbackStep { _ in
                    await gate.pass()
                    return 1
                }
            ],
            maximumConcurrent: 2
        )
        async let first = fallback.run { throw Broken() }
        async let second = fallback.run { throw Broken() }
        await gate.waitForArrivals(2)
        let refusal = await #expect(throws: MeshError.self) {
            try await fallback.run { throw Broken(number: 7) }
        }
        #expect(refusal?.code == .overflow)
        #expect(refusal?.reason == .limit)
        #expect(refusal?.cause as? Broken == Broken(number: 7))
        gate.open()
        #expect(try await first + second == 2)
        #expect(fallback.running == 0)
        #expect(try await fallback.run { throw Broken() } == 1)
        #expect(observer.decisions.filter { $0 == decision(.refused, .limit) }.count == 1)
    }

    @Test func `a caller that gives up wants no answer, before the fallback and within it`() async throws {
        let (gate, journal) = (Gate(), Journal<Int>())
        let fallback = try fallback([
            FallbackStep { _ in
                journal.append(1)
                await gate.pass()
                try Task.checkCancellation()
                return 1
            },
            FallbackStep { _ in
                journal.append(2)
                return 2
            },
        ])
        await #expect(throws: CancellationError.self) { try await fallback.run { throw CancellationError() } }
        await #expect(throws: MeshError.self) {
            try await fallback.run { throw MeshError(.cancelled, origin: .downstream, message: "gone") }
        }
        #expect(journal.all == [])
        let caller = Task { try await fallback.run { throw Broken() } }
        await gate.waitForArrivals()
        caller.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(journal.all == [1])
        #expect(fallback.running == 0)
    }

    @Test func `observe-only lets the error through and says that it would have answered`() async throws {
        let fallback = try fallback([.value(1)], mode: .observe)
        await #expect(throws: Broken()) { try await fallback.run { throw Broken() } }
        #expect(observer.decisions == [decision(.fellBack, .failure, isEnforced: false)])
    }

    @Test func `disabled lets the error through and says nothing`() async throws {
        let fallback = try fallback([.value(1)], mode: .disabled)
        await #expect(throws: Broken()) { try await fallback.run { throw Broken() } }
        #expect(observer.decisions == [])
    }

    @Test func `a bad configuration is refused with every problem`() {
        let error = #expect(throws: ConfigurationError.self) {
            try Fallback<Int>(FallbackConfiguration(maximumConcurrent: 0), steps: [])
        }
        #expect(error?.problems.map(\.path) == ["maximumConcurrent", "steps"])
        #expect(throws: ConfigurationError.self) {
            try FallbackConfiguration(maximumConcurrent: 1_000_001).validate()
        }
        #expect(FallbackConfiguration().settings.allSatisfy { $0.source != .configured("") })
    }

    @Test func `a random walk: as many are under way as may be and as have not ended`() {
        let random = MeshRandom(seed: 1)
        var machine = FallbackStateMachine(FallbackConfiguration(maximumConcurrent: 5))
        var running = 0
        for step in 0..<100_000 {
            if random.below(2) == 0 {
                let isFree = machine.fallbackWanted()
                guard isFree == (running < 5) else {
                    Issue.record("step \(step): \(running) are under way")
                    return
                }
                if isFree { running += 1 }
            } else {
                // One that never began cannot make the count negative.
                machine.fallbackEnded()
                running = max(running - 1, 0)
            }
            guard machine.running == running else {
                Issue.record("step \(step): \(machine.running) instead of \(running)")
                return
            }
        }
    }

    @Test func `contended: every call is answered or refused, and no place is lost`() async throws {
        let fallback = try fallback(
            [
                FallbackStep { _ in
                    await Task.yield()
                    return 1
                }
            ],
            maximumConcurrent: 2
        )
        let (answered, refused) = await withTaskGroup(of: (Int, Int).self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var counts = (0, 0)
                    for _ in 0..<500 {
                        if (try? await fallback.run { throw Broken() }) != nil { counts.0 += 1 } else { counts.1 += 1 }
                    }
                    return counts
                }
            }
            return await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
        #expect(answered + refused == 4000)
        #expect(answered > 0)
        #expect(observer.decisions.filter { $0.action == .fellBack }.count == answered)
        #expect(observer.decisions.filter { $0.action == .refused }.count == refused)
        #expect(fallback.running == 0)
    }
}
