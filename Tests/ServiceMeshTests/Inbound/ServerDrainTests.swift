// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import ServiceMesh
import Testing

@Suite struct ServerDrainTests {
    @Test func `the last request wakes who waits for it`() async throws {
        let drain = ServerDrain()
        try await drain.untilIdle()
        drain.requestStarted()
        drain.requestStarted()
        #expect(drain.requestsUnderWay == 2)
        async let idle: Void = drain.untilIdle()
        drain.requestEnded()
        drain.requestEnded()
        try await idle
        #expect(drain.requestsUnderWay == 0)
    }

    @Test func `waiting for the last request ends with the grace period`() async throws {
        let (drain, clock) = (ServerDrain(), ManualClock())
        drain.requestStarted()
        async let isIdle = drain.untilIdle(within: .seconds(5), clock: clock)
        await clock.waitForSleepers()
        clock.advance(by: .seconds(5))
        #expect(try await !isIdle)
        drain.requestEnded()
        #expect(try await drain.untilIdle(within: .seconds(5), clock: clock))
    }

    @Test func `a task that is cancelled waits no more`() async throws {
        let drain = ServerDrain()
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await drain.untilDraining() }
            group.addTask { try await drain.untilStopping() }
            group.cancelAll()
            for _ in 0..<2 {
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
        }
    }

    @Test func `many requests on many threads leave nothing behind`() async throws {
        let drain = ServerDrain()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        drain.requestStarted()
                        drain.requestEnded()
                    }
                }
            }
            for _ in 0..<100 {
                group.addTask { try? await drain.untilIdle() }
            }
        }
        #expect(drain.requestsUnderWay == 0)
    }
}
