// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshTesting
import Synchronization
import Testing

@testable import MeshControlPlane

@Suite(.timeLimit(.minutes(5))) struct ServiceRegistryTests {
    @Test func `instances go when their leases end, and everybody is told once a change`() async throws {
        let clock = ManualClock()
        let changes = Mutex(0)
        let registry = ServiceRegistry(leaseDuration: .seconds(15), maximumInstances: 10, clock: clock) {
            changes.withLock { $0 += 1 }
        }
        #expect(registry.register(Samples.registration("a", port: 1), owner: 0) == .registered)
        clock.advance(by: .seconds(5))
        #expect(registry.register(Samples.registration("b", port: 2), owner: 0) == .registered)
        #expect(registry.renew("b", owner: 0) == .done)
        #expect(changes.withLock { $0 } == 2)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await registry.run() } catch is CancellationError {}
            }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(10))
            await clock.waitForSleepers()
            #expect(registry.snapshot.registrations.map(\.id) == ["b"])
            #expect(changes.withLock { $0 } == 3)
            clock.advance(by: .seconds(5))
            await clock.waitForSleepers()
            #expect(registry.snapshot.registrations.isEmpty)
            #expect(registry.generation == 4)
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}
