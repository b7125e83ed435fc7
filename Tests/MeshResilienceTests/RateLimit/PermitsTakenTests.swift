// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshResilience

/// Taking permits without a place to give back comes to the same as asking for a turn.
@Suite struct PermitsTakenTests {
    static let algorithms: [RateLimitConfiguration.Algorithm] = [.tokenBucket, .smooth, .slidingWindow, .slidingLog]

    @Test(arguments: algorithms)
    func `permits are taken exactly when a turn would be granted now`(algorithm: RateLimitConfiguration.Algorithm) {
        let configuration = RateLimitConfiguration(rate: 20, per: .milliseconds(100), burst: 20, algorithm: algorithm)
        let random = MeshRandom(seed: 3)
        var now = MeshInstant(nanoseconds: 1_000_000_000)
        var short = RateLimitStateMachine(configuration, at: now)
        var long = short
        var taken = 0
        for _ in 0..<20_000 {
            now = now.advanced(by: .milliseconds(random.below(20)))
            let permits = 1 + Int(random.below(5))
            let answer = long.permitsWanted(permits, at: now, until: now)
            if short.permitsTaken(permits, at: now) {
                taken += 1
                guard case .granted = answer else {
                    Issue.record("taken, where no turn was granted")
                    return
                }
            } else {
                let shortAnswer = short.permitsWanted(permits, at: now, until: now)
                #expect(shortAnswer == answer)
            }
            #expect(short.available(at: now) == long.available(at: now))
        }
        // The others are asked for a turn, always.
        #expect((taken > 0) == (algorithm == .tokenBucket))
    }
}
