// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct TimeoutTests {
    private let clock = ManualClock()

    @Test func `an operation that ends in time gives its value`() async throws {
        #expect(try await Timeout(.seconds(1)).run(clock: clock) { 7 } == 7)
        #expect(clock.sleeperCount == 0)
    }

    @Test func `an operation that takes too long is cancelled`() async throws {
        let clock = clock
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let error = await #expect(throws: MeshError.self) {
                    try await Timeout(.seconds(1)).run(clock: clock) {
                        try await clock.sleep(until: clock.now.advanced(by: .seconds(60)))
                    }
                }
                #expect(error?.code == .deadlineExceeded)
            }
            await clock.waitForSleepers(2)
            clock.advance(by: .seconds(1))
        }
        #expect(clock.sleeperCount == 0)
    }
}
