// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshGRPC

@Suite("A call with nothing to send it to", .timeLimit(.minutes(5)))
struct ReadinessTests {
    private func readiness(_ waitsForReady: Bool) -> Readiness {
        Readiness(waitsForReady: waitsForReady, configurationTimeout: .seconds(15), backoff: ReadinessBackoff())
    }

    private func error(_ code: MeshError.Code, _ state: RequestState = .notSent) -> MeshError {
        MeshError(code, origin: .local, requestState: state, message: "test")
    }

    @Test("waits for a configuration once, and fails then")
    func configuration() {
        var readiness = readiness(false)
        #expect(readiness.failed(error(.notReady), random: 0) == .awaitConfiguration(atMost: .seconds(15)))
        #expect(readiness.failed(error(.notReady), random: 0) == .fail)
        #expect(readiness.failed(error(.noHealthyUpstream), random: 0) == .fail)
    }

    @Test("waits for endpoints if it waits for ready, longer each time, up to a bound")
    func endpoints() {
        var readiness = readiness(true)
        var pauses: [Readiness.Action] = []
        for _ in 0..<10 { pauses.append(readiness.failed(error(.noHealthyUpstream), random: 0)) }
        let expected: [UInt64] = [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]
        #expect(pauses == expected.map { .pause(.milliseconds($0)) })
        #expect(readiness.failed(error(.connectionFailed), random: .max) != .fail)
    }

    @Test("does not wait where a rule refuses it, or something was sent")
    func refusals() {
        var readiness = readiness(true)
        for code in [MeshError.Code.noRoute, .unknownHost, .overflow, .circuitOpen, .deadlineExceeded, .faultInjected] {
            #expect(readiness.failed(error(code), random: 0) == .fail)
        }
        #expect(readiness.failed(error(.connectionFailed, .maybeSent), random: 0) == .fail)
        #expect(readiness.failed(CancellationError(), random: 0) == .fail)
        var exhausted = error(.retriesExhausted)
        exhausted.cause = error(.connectionFailed)
        #expect(readiness.failed(exhausted, random: 0) == .pause(.milliseconds(50)))
    }

    @Test("comes back at other times than others do", arguments: [0, 1, 5, 100])
    func spread(attempt: Int) {
        let backoff = ReadinessBackoff()
        let random = MeshRandom(seed: 7)
        for _ in 0..<1000 {
            let pause = backoff.pause(before: attempt, random: random.next())
            #expect(pause <= .seconds(5))
            #expect(pause >= .milliseconds(25))
        }
        #expect(ReadinessBackoff(initial: .seconds(9), maximum: .seconds(1)).pause(before: 1, random: 0) == .seconds(1))
        #expect(ReadinessBackoff(initial: .zero).pause(before: 60, random: .max) == .zero)
    }
}
