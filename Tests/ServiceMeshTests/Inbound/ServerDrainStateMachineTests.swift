// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import ServiceMesh

@Suite struct ServerDrainStateMachineTests {
    @Test func `steps wake those who wait for them, once`() {
        var machine = ServerDrainStateMachine()
        #expect(machine.awaited(.draining, by: 1, isIdle: true) == true)
        #expect(machine.awaited(.stopping, by: 2, isIdle: true) == true)
        #expect(machine.drainingBegan() == [1])
        #expect(machine.drainingBegan() == [])
        #expect(machine.awaited(.draining, by: 3, isIdle: true) == false)
        #expect(machine.stoppingBegan() == [2])
        #expect(machine.stoppingBegan() == [])
        #expect(machine.drainingBegan() == [])
        #expect(machine.phase == .stopping)
        #expect(machine.awaited(.stopping, by: 4, isIdle: true) == false)
    }

    @Test func `stopping without draining is both`() {
        var machine = ServerDrainStateMachine()
        #expect(machine.awaited(.stopping, by: 2, isIdle: true) == true)
        #expect(machine.awaited(.draining, by: 1, isIdle: true) == true)
        #expect(machine.stoppingBegan() == [1, 2])
    }

    @Test func `idleness is waited for only while there is work, and whoever gives up is forgotten`() {
        var machine = ServerDrainStateMachine()
        #expect(machine.awaited(.idle, by: 1, isIdle: true) == false)
        #expect(machine.awaited(.idle, by: 2, isIdle: false) == true)
        #expect(machine.awaited(.idle, by: 3, isIdle: false) == true)
        machine.gaveUp(2)
        #expect(machine.isIdleAwaited)
        #expect(machine.becameIdle() == [3])
        #expect(!machine.isIdleAwaited)
    }
}
