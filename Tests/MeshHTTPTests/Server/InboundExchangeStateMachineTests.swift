// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshHTTP

@Suite struct InboundExchangeStateMachineTests {
    @Test func `a response to a complete request leaves the connection for the next one`() {
        var machine = InboundExchangeStateMachine(closes: false)
        #expect(machine.requestEnded() == false)
        #expect(machine.headWritten(closes: false) == true)
        #expect(machine.responseEnded() == .reuse)
    }

    @Test func `the rest of a request that was answered early is awaited`() {
        var machine = InboundExchangeStateMachine(closes: false)
        #expect(machine.headWritten(closes: false) == true)
        #expect(machine.responseEnded() == .discardRest)
        #expect(machine.requestEnded() == true)
    }

    @Test(arguments: [(true, false), (false, true)])
    func `either side may want the connection's end`(caller: Bool, server: Bool) {
        var machine = InboundExchangeStateMachine(closes: caller)
        _ = machine.requestEnded()
        #expect(machine.headWritten(closes: server) == true)
        #expect(machine.responseEnded() == .close)
    }

    @Test(arguments: [InboundExchangeStateMachine.Cut.deadlinePassed, .stalled])
    func `a cut before the answer is answered, once, and the handler's answer comes too late`(
        cut: InboundExchangeStateMachine.Cut
    ) {
        var machine = InboundExchangeStateMachine(closes: false)
        #expect(machine.wasCut(cut) == .answer)
        #expect(machine.wasCut(cut) == .none)
        #expect(machine.headWritten(closes: false) == true)
        #expect(machine.headWritten(closes: false) == false)
        #expect(machine.cut == cut)
    }

    @Test func `a cut within the answer aborts it, and one behind it does nothing`() {
        var machine = InboundExchangeStateMachine(closes: false)
        #expect(machine.headWritten(closes: false) == true)
        #expect(machine.wasCut(.deadlinePassed) == .abort)
        var complete = InboundExchangeStateMachine(closes: false)
        #expect(complete.headWritten(closes: false) == true)
        _ = complete.responseEnded()
        #expect(complete.wasCut(.callerLeft) == .none && complete.cut == nil)
    }

    @Test func `a caller that has left is told nothing`() {
        var machine = InboundExchangeStateMachine(closes: false)
        #expect(machine.wasCut(.callerLeft) == .cancel)
        #expect(machine.headWritten(closes: false) == false)
    }
}
