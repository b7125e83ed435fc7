// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import Testing

@testable import MeshAsyncHTTPClient

@Suite("The machine of a body on its way to AsyncHTTPClient")
struct UploadPipeStateMachineTests {
    private let chunk = ByteBuffer(string: "a")

    @Test
    func `passes a chunk, whoever comes first`() {
        var machine = UploadPipeStateMachine()
        #expect(!machine.isStarted)
        #expect(machine.offered(chunk) == .wait)
        #expect(machine.offered(chunk) == .refuse)
        #expect(machine.awaited() == .chunk(chunk))
        #expect(machine.isStarted)
        #expect(machine.awaited() == .wait)
        #expect(machine.offered(chunk) == .hand)
        #expect(machine.offered(chunk) == .wait)
    }

    @Test
    func `tells the end to a reader that waits, and to one that comes later`() {
        var waiting = UploadPipeStateMachine()
        #expect(waiting.awaited() == .wait)
        #expect(waiting.ended() == true)
        var early = UploadPipeStateMachine()
        #expect(early.ended() == false)
        #expect(early.awaited() == .end)
        #expect(early.isOver && early.isComplete)
        // What is complete stays so.
        early.stopped()
        early.closed()
        #expect(early.awaited() == .end)
    }

    @Test
    func `leaves the reader waiting when the peer wants no more, until it is closed`() {
        var machine = UploadPipeStateMachine()
        #expect(machine.offered(chunk) == .wait)
        machine.stopped()
        #expect(machine.isOver && !machine.isComplete)
        #expect(machine.offered(chunk) == .refuse)
        #expect(machine.awaited() == .wait)
        #expect(machine.ended() == false)
        machine.closed()
        #expect(machine.awaited() == .fail)
    }

    @Test
    func `tells of a producer that breaks off, unless the peer wants no more`() {
        var wanted = UploadPipeStateMachine()
        #expect(wanted.awaited() == .wait)
        #expect(wanted.failed() == true)
        #expect(wanted.awaited() == .fail)
        var refused = UploadPipeStateMachine()
        refused.stopped()
        #expect(refused.failed() == false)
        #expect(refused.awaited() == .wait)
    }
}
