// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct TimeoutStateMachineTests {
    private enum Event: CaseIterable {
        case timerFired
        case callerCancelled
    }

    @Test func `the first event decides what the end means`() {
        var inTime = TimeoutStateMachine()
        let ended = (inTime.operationEnded(), inTime.timerFired(), inTime.isGivenUp)
        #expect(ended == (.inTime, false, false))

        var late = TimeoutStateMachine()
        let fired = (late.timerFired(), late.timerFired(), late.callerCancelled(), late.isGivenUp)
        #expect(fired == (true, false, false, true))
        let lateEnding = late.operationEnded()
        #expect(lateEnding == .late)

        var unwanted = TimeoutStateMachine()
        let left = (unwanted.callerCancelled(), unwanted.timerFired(), unwanted.operationEnded())
        #expect(left == (true, false, .unwanted))
    }

    @Test func `a random walk: an operation is cancelled once at most, and by whom its end says`() {
        let random = MeshRandom(seed: 11)
        for _ in 0..<40_000 {
            var machine = TimeoutStateMachine()
            var first: Event?
            var hasEnded = false
            for _ in 0..<4 {
                switch random.below(3) {
                case 0:
                    let isNews = machine.timerFired()
                    #expect(isNews == (first == nil && !hasEnded))
                    if isNews { first = .timerFired }
                case 1:
                    let isNews = machine.callerCancelled()
                    #expect(isNews == (first == nil && !hasEnded))
                    if isNews { first = .callerCancelled }
                default:
                    let ending = machine.operationEnded()
                    guard !hasEnded else { continue }
                    hasEnded = true
                    #expect(ending == (first == .timerFired ? .late : first == .callerCancelled ? .unwanted : .inTime))
                }
                #expect(machine.isGivenUp == (first != nil && !hasEnded))
            }
        }
    }
}
