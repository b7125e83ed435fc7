// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite("A connection's machine")
struct HTTP1ConnectionStateMachineTests {
    typealias Machine = HTTP1ConnectionStateMachine

    private func started(isRequestComplete: Bool = true, isReusable: Bool = true) -> Machine {
        var machine = Machine(drainLimit: 100)
        machine.exchangeStarted(isRequestComplete: isRequestComplete, isReusable: isReusable)
        return machine
    }

    @Test("is free after a response, but only when the whole read was looked at")
    func release() {
        var machine = started()
        #expect(machine.headReceived(isKeepAlive: true, length: 3) == .forward)
        #expect(machine.readCompleted() == .none)
        #expect(machine.bodyReceived(3) == .forward)
        #expect(machine.endReceived() == .forward)
        #expect(!machine.isIdle)
        #expect(machine.readCompleted() == .release)
        #expect(machine.isIdle)
    }

    @Test(
        "closes after a response when either side wants it",
        arguments: [(true, false), (false, true), (false, false)]
    )
    func noKeepAlive(client: Bool, server: Bool) {
        var machine = started(isReusable: client)
        #expect(machine.headReceived(isKeepAlive: server, length: 0) == .forward)
        #expect(machine.endReceived() == .forward)
        #expect(machine.readCompleted() == .close)
    }

    @Test("finds unasked what comes without a request, twice, or behind the end")
    func violations() {
        var idle = Machine(drainLimit: 100)
        #expect(idle.headReceived(isKeepAlive: true, length: nil) == .violation)
        #expect(idle.bodyReceived(1) == .violation)
        #expect(idle.endReceived() == .violation)
        var early = started()
        #expect(early.bodyReceived(1) == .violation)
        #expect(early.endReceived() == .violation)
        var twice = started()
        #expect(twice.headReceived(isKeepAlive: true, length: nil) == .forward)
        #expect(twice.headReceived(isKeepAlive: true, length: nil) == .violation)
        #expect(twice.endReceived() == .forward)
        #expect(twice.bodyReceived(1) == .violation)
        #expect(twice.headReceived(isKeepAlive: true, length: nil) == .violation)
    }

    @Test("waits for the end of the request when the response is the faster one")
    func earlyResponse() {
        var machine = started(isRequestComplete: false)
        #expect(machine.headReceived(isKeepAlive: true, length: 0) == .forward)
        #expect(machine.endReceived() == .forward)
        #expect(machine.readCompleted() == .none)
        #expect(machine.requestSent() == .release)
    }

    @Test("cannot be used again when the request was cut short")
    func cutShort() {
        var before = started(isRequestComplete: false)
        #expect(before.requestCutShort() == .none)
        #expect(before.headReceived(isKeepAlive: true, length: 0) == .forward)
        #expect(before.endReceived() == .forward)
        #expect(before.readCompleted() == .close)
        var after = started(isRequestComplete: false)
        _ = after.headReceived(isKeepAlive: true, length: 0)
        _ = after.endReceived()
        #expect(after.readCompleted() == .none)
        #expect(after.requestCutShort() == .close)
    }

    @Test("reads a small rest that nobody wants, and is free then")
    func drains() {
        var machine = started()
        _ = machine.headReceived(isKeepAlive: true, length: nil)
        #expect(machine.bodyReceived(500) == .forward)
        #expect(machine.exchangeAbandoned(mayDrain: true) == .none)
        #expect(machine.isDraining)
        #expect(machine.bodyReceived(60) == .discard)
        #expect(machine.bodyReceived(40) == .discard)
        #expect(machine.endReceived() == .discard)
        #expect(machine.readCompleted() == .release)
    }

    @Test("closes rather than read much that nobody wants", arguments: [nil, 101])
    func drainsNoMore(length: Int?) {
        var machine = started()
        _ = machine.headReceived(isKeepAlive: true, length: length)
        guard length == nil else {
            #expect(machine.exchangeAbandoned(mayDrain: true) == .close)
            return
        }
        #expect(machine.exchangeAbandoned(mayDrain: true) == .none)
        #expect(machine.bodyReceived(101) == .close)
    }

    @Test("closes when the exchange is given up for another reason, or before its head, or unsent")
    func abandoned() {
        var failed = started()
        _ = failed.headReceived(isKeepAlive: true, length: 1)
        #expect(failed.exchangeAbandoned(mayDrain: false) == .close)
        var headless = started()
        #expect(headless.exchangeAbandoned(mayDrain: true) == .close)
        var unsent = started(isRequestComplete: false)
        _ = unsent.headReceived(isKeepAlive: true, length: 1)
        #expect(unsent.exchangeAbandoned(mayDrain: true) == .close)
        var idle = Machine(drainLimit: 100)
        #expect(idle.exchangeAbandoned(mayDrain: true) == .none)
    }

    @Test("does nothing more when it is closed")
    func closed() {
        var machine = started()
        machine.closed()
        #expect(machine.isClosed)
        #expect(machine.headReceived(isKeepAlive: true, length: nil) == .violation)
        #expect(machine.readCompleted() == .none)
        #expect(machine.requestSent() == .none)
        #expect(machine.requestCutShort() == .none)
    }
}
