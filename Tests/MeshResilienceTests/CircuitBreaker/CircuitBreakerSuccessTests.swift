// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshResilience

/// The short way that a success takes through the machine comes to the same as the long one.
@Suite struct CircuitBreakerSuccessTests {
    static let configurations = [
        CircuitBreakerConfiguration(minimumCalls: 5),
        CircuitBreakerConfiguration(minimumCalls: 5, callWindow: 10),
        CircuitBreakerConfiguration.hystrix, .resilience4j, .polly, .gobreaker, .linkerd, .finagle,
    ]

    @Test(arguments: configurations.indices)
    func `a success counts the same on both ways`(index: Int) {
        let configuration = Self.configurations[index]
        let random = MeshRandom(seed: 7)
        var now = MeshInstant(nanoseconds: 1_000_000_000)
        var short = CircuitBreakerStateMachine(configuration, at: now)
        var long = short
        // Both throw the same dice.
        let (shortDice, longDice) = (MeshRandom(seed: 8), MeshRandom(seed: 8))
        var shortWays = 0
        for _ in 0..<20_000 {
            now = now.advanced(by: .milliseconds(random.below(50)))
            let admission = short.callWanted(at: now, using: shortDice)
            let longAdmission = long.callWanted(at: now, using: longDice)
            #expect(longAdmission == admission)
            guard case .admitted(let permit) = admission else { continue }
            var ending = CircuitBreakerStateMachine.Ending(random.below(10) < 8 ? .success : .failure)
            ending.duration = .milliseconds(random.below(200))
            let isWell = ending.outcome == .success
            if isWell, short.endedWell(after: ending.duration, permit: permit, at: now) {
                shortWays += 1
            } else {
                short.callEnded(ending, permit: permit, at: now, using: shortDice)
            }
            long.callEnded(ending, permit: permit, at: now, using: longDice)
            #expect(short.state == long.state)
            #expect(short.generation == long.generation)
            #expect(short.window.sums == long.window.sums)
            #expect(short.consecutiveFailures == long.consecutiveFailures)
            #expect(short.consecutiveSuccesses == long.consecutiveSuccesses)
        }
        #expect((shortWays > 0) == short.rules.overlooksSuccesses)
    }

    @Test func `a success of an older state takes the long way, and changes nothing`() {
        let now = MeshInstant(nanoseconds: 1)
        var machine = CircuitBreakerStateMachine(CircuitBreakerConfiguration(consecutiveFailures: 1), at: now)
        let random = MeshRandom(seed: 1)
        guard case .admitted(let permit) = machine.callWanted(at: now, using: random) else {
            Issue.record("a closed breaker lets calls pass")
            return
        }
        machine.callEnded(.init(.failure), permit: permit, at: now, using: random)
        let generation = machine.generation
        let isOldWell = machine.endedWell(after: .zero, permit: permit, at: now)
        let isOpenWell = machine.endedWell(after: .zero, permit: generation, at: now)
        #expect(!isOldWell)
        #expect(!isOpenWell)
        #expect(machine.generation == generation)
    }
}
