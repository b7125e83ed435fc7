// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite("A connection pool's machine with connections that carry several requests")
struct ConnectionPoolSharingTests {
    typealias Machine = ConnectionPoolStateMachine

    private func endpoint(
        connections: Int = 10,
        version: ConnectionOptions.HTTPVersion = .http2,
        preconnectRatio: Double = 1
    ) -> Endpoint {
        Endpoint(
            address: EndpointAddress(host: "127.0.0.1", port: 1),
            maximumConnections: connections,
            connection: ConnectionOptions(httpVersion: version, preconnectRatio: preconnectRatio)
        )
    }

    private func arrive(_ machine: inout Machine, _ id: UInt64, loop: Int? = 0, _ endpoint: Endpoint)
        -> Machine.RequestAction
    {
        machine.requestArrived(id, loop: loop, deadline: .never, endpoint: endpoint)
    }

    @Test("makes one connection for many requests that come at once")
    func oneForMany() {
        var machine = Machine(loops: 1, httpVersion: .http2)
        #expect(arrive(&machine, 1, endpoint()) == .wait(dial: .init(connection: 1, loop: 0), alarm: nil))
        for id in UInt64(2)...5 { #expect(arrive(&machine, id, endpoint()) == .wait(dial: nil, alarm: nil)) }
        #expect(machine.connectionReady(1, capacity: 100) == .start(requests: [1, 2, 3, 4, 5], dials: []))
        #expect(arrive(&machine, 6, endpoint()) == .start(on: 1, dial: nil))
        #expect(machine.active == 6)
        machine.checkInvariants()
    }

    @Test("makes others when the peer allows fewer than were hoped for, as many as it takes")
    func fewerThanExpected() {
        var machine = Machine(loops: 1, httpVersion: .http2)
        for id in UInt64(1)...5 { _ = arrive(&machine, id, endpoint()) }
        #expect(
            machine.connectionReady(1, capacity: 2)
                == .start(
                    requests: [1, 2],
                    dials: [.init(connection: 2, loop: 0), .init(connection: 3, loop: 0)]
                )
        )
        #expect(machine.connectionReleased(1) == .start(requests: [3], dials: []))
        #expect(machine.connectionReady(2, capacity: 2) == .start(requests: [4, 5], dials: []))
        machine.checkInvariants()
    }

    @Test("lets a request share another loop's connection at once, and makes one on its own loop for the next")
    func otherLoop() {
        var machine = Machine(loops: 2, httpVersion: .http2)
        _ = arrive(&machine, 1, endpoint())
        _ = machine.connectionReady(1, capacity: 100)
        #expect(arrive(&machine, 2, loop: 1, endpoint()) == .start(on: 1, dial: .init(connection: 2, loop: 1)))
        #expect(arrive(&machine, 3, loop: 1, endpoint()) == .start(on: 1, dial: nil))
        _ = machine.connectionReady(2, capacity: 100)
        #expect(arrive(&machine, 4, loop: 1, endpoint()) == .start(on: 2, dial: nil))
        machine.checkInvariants()
    }

    @Test("gives a draining connection no more requests, and replaces it when somebody waits")
    func draining() {
        let limited = endpoint(connections: 1)
        var machine = Machine(loops: 1, httpVersion: .http2)
        _ = arrive(&machine, 1, limited)
        _ = machine.connectionReady(1, capacity: 1)
        _ = arrive(&machine, 2, limited)
        #expect(machine.connectionDraining(1) == [.init(connection: 2, loop: 0)])
        #expect(machine.connectionReleased(1) == .close)
        #expect(machine.connectionReady(2, capacity: 1) == .start(requests: [2], dials: []))
        #expect(machine.connectionClosed(1).isEmpty)
        machine.checkInvariants()
    }

    @Test("follows the peer when it allows more, or fewer, streams")
    func capacityChanges() {
        var machine = Machine(loops: 1, httpVersion: .http2)
        for id in UInt64(1)...3 { _ = arrive(&machine, id, endpoint(connections: 1)) }
        #expect(machine.connectionReady(1, capacity: 1) == .start(requests: [1], dials: []))
        #expect(machine.capacityChanged(1, to: 3) == .start(requests: [2, 3], dials: []))
        #expect(machine.capacityChanged(1, to: 0) == .park)
        #expect(machine.connectionReleased(1) == .park)
        #expect(arrive(&machine, 4, endpoint(connections: 1)) == .wait(dial: nil, alarm: nil))
        machine.checkInvariants()
    }

    @Test("makes one connection at a time while it is not known what ALPN will find")
    func automatic() {
        let unknown = endpoint(version: .automatic)
        var machine = Machine(loops: 1, httpVersion: .automatic)
        for id in UInt64(1)...3 { _ = arrive(&machine, id, unknown) }
        #expect(machine.connections.count == 1)
        // From now on it is HTTP/1.1: a connection for each.
        #expect(
            machine.connectionReady(1, capacity: 1)
                == .start(
                    requests: [1],
                    dials: [.init(connection: 2, loop: 0), .init(connection: 3, loop: 0)]
                )
        )
        #expect(arrive(&machine, 4, unknown) == .wait(dial: .init(connection: 4, loop: 0), alarm: nil))
        machine.checkInvariants()
    }

    @Test("keeps connections ready ahead of their need, as many as the ratio says")
    func preconnect() {
        let eager = endpoint(version: .http1, preconnectRatio: 2)
        var machine = Machine(loops: 1)
        #expect(arrive(&machine, 1, eager) == .wait(dial: .init(connection: 1, loop: 0), alarm: nil))
        #expect(
            machine.connectionReady(1, capacity: 1) == .start(requests: [1], dials: [.init(connection: 2, loop: 0)])
        )
        #expect(machine.connectionReady(2, capacity: 1) == .park)
        #expect(arrive(&machine, 2, eager) == .start(on: 2, dial: .init(connection: 3, loop: 0)))
        machine.checkInvariants()
    }
}
