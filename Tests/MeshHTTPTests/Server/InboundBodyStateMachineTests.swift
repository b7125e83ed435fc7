// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import NIOCore
import Testing

@testable import MeshHTTP

@Suite struct InboundBodyStateMachineTests {
    private func chunk(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 1, count: count) }

    @Test func `a body pauses its caller at the mark, and lets it go on at half of it`() {
        var machine = InboundBodyStateMachine(highWatermark: 10)
        machine.received(chunk(6))
        #expect(machine.wantsMore)
        machine.received(chunk(6))
        #expect(!machine.wantsMore && machine.buffered == 12)
        guard case .chunk(_, resumesReading: false) = machine.read() else { return #expect(Bool(false)) }
        guard case .chunk(_, resumesReading: true) = machine.read() else { return #expect(Bool(false)) }
        guard case .wait = machine.read() else { return #expect(Bool(false)) }
        machine.ended(trailers: [:])
        guard case .end = machine.read() else { return #expect(Bool(false)) }
    }

    @Test func `what nobody reads is not held`() {
        var machine = InboundBodyStateMachine(highWatermark: 10)
        machine.received(chunk(20))
        machine.discard()
        machine.received(chunk(20))
        #expect(machine.buffered == 0 && machine.wantsMore)
    }
}
