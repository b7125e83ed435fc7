// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite struct ConnectionPatienceStateMachineTests {
    private func at(_ seconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: seconds * 1_000_000_000) }
    private func machine() -> ConnectionPatienceStateMachine {
        ConnectionPatienceStateMachine(headerTimeout: .seconds(10), idleTimeout: .seconds(60))
    }

    @Test func `a connection without a head is closed in time, whatever bytes it sends`() {
        var machine = machine()
        #expect(machine.opened(at: at(1)) == at(11))
        #expect(machine.bytesArrived(at: at(10)) == nil)
        #expect(machine.fired(at: at(11)) == .close)
    }

    @Test func `requests move the limit and not the alarm`() {
        var machine = machine()
        _ = machine.opened(at: at(1))
        machine.headReceived()
        #expect(machine.responseEnded(at: at(5)) == nil)
        #expect(machine.isUnused)
        #expect(machine.fired(at: at(11)) == .rearm(at: at(65)))
        #expect(machine.bytesArrived(at: at(20)) == at(30))
        #expect(!machine.isUnused)
        #expect(machine.bytesArrived(at: at(29)) == nil)
        #expect(machine.fired(at: at(30)) == .close)
    }

    @Test func `a request that is served has all the time it needs`() {
        var machine = machine()
        _ = machine.opened(at: at(1))
        machine.headReceived()
        #expect(machine.fired(at: at(11)) == .nothing)
        #expect(machine.responseEnded(at: at(500)) == at(560))
        #expect(machine.fired(at: at(560)) == .close)
    }

    @Test func `what was handed over is somebody else's`() {
        var machine = machine()
        _ = machine.opened(at: at(1))
        machine.handedOver()
        machine.headReceived()
        #expect(machine.responseEnded(at: at(2)) == nil)
        #expect(machine.fired(at: at(11)) == .nothing)
    }
}
