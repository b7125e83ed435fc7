// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshIdentity

@Suite(.timeLimit(.minutes(5))) struct ReadinessGateTests {
    private struct Reason: Error {}

    @Test func `everybody who waits goes on when it opens, and nobody waits afterwards`() async throws {
        let gate = ReadinessGate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { try await gate.wait() } }
            #expect(!gate.isOpen)
            gate.open()
            try await group.waitForAll()
        }
        try await gate.wait()
        #expect(gate.isOpen)
    }

    @Test func `a failure reaches those who wait now and later, but does not close an open gate`() async throws {
        let gate = ReadinessGate()
        gate.fail(Reason())
        gate.open()
        await #expect(throws: Reason.self) { try await gate.wait() }
        let open = ReadinessGate()
        open.open()
        open.fail(Reason())
        try await open.wait()
    }

    @Test func `a cancelled task stops waiting`() async throws {
        let gate = ReadinessGate()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    do {
                        try await gate.wait()
                        return false
                    } catch {
                        return error is CancellationError
                    }
                }
            }
            group.cancelAll()
            for await wasCancelled in group { #expect(wasCancelled) }
        }
        #expect(!gate.isOpen)
    }
}
