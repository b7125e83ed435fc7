// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

@Suite("A connection pool's machine")
struct ConnectionPoolStateMachineTests {
    typealias Machine = ConnectionPoolStateMachine

    private func endpoint(connections: Int = 10, pending: Int = 10) -> Endpoint {
        Endpoint(
            address: EndpointAddress(host: "127.0.0.1", port: 1),
            maximumPendingRequests: pending,
            maximumConnections: connections
        )
    }

    /// A machine with so many idle connections, on these loops.
    private func machine(loops: Int = 2, idleOn homes: [Int], _ endpoint: Endpoint) -> Machine {
        var machine = Machine(loops: loops)
        for (index, home) in homes.enumerated() {
            _ = machine.requestArrived(UInt64(1000 + index), loop: home, deadline: .never, endpoint: endpoint)
        }
        for index in homes.indices { _ = machine.connectionReady(index + 1, capacity: 1) }
        for index in homes.indices { _ = machine.connectionReleased(index + 1) }
        return machine
    }

    @Test("makes a connection for the first request, and gives it to it")
    func first() {
        var machine = Machine(loops: 1)
        #expect(
            machine.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint())
                == .wait(dial: .init(connection: 1, loop: 0), alarm: nil)
        )
        #expect(machine.connectionReady(1, capacity: 1) == .start(requests: [1], dials: []))
        #expect(machine.connectionReleased(1) == .park)
        #expect(machine.requestArrived(2, loop: 0, deadline: .never, endpoint: endpoint()) == .start(on: 1, dial: nil))
    }

    @Test("uses the connection that was used last, of the caller's own loop")
    func ownLoopFirst() {
        var machine = machine(idleOn: [0, 1, 0, 1], endpoint())
        #expect(machine.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint()) == .start(on: 3, dial: nil))
        #expect(machine.requestArrived(2, loop: 0, deadline: .never, endpoint: endpoint()) == .start(on: 1, dial: nil))
        #expect(
            machine.requestArrived(3, loop: nil, deadline: .never, endpoint: endpoint()) == .start(on: 4, dial: nil)
        )
        machine.checkInvariants()
    }

    @Test("makes a connection on the caller's loop while it may, and takes another loop's when it may not")
    func otherLoop() {
        var free = machine(idleOn: [1], endpoint())
        #expect(
            free.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint())
                == .wait(dial: .init(connection: 2, loop: 0), alarm: nil)
        )
        var full = machine(idleOn: [1], endpoint(connections: 1))
        #expect(
            full.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint(connections: 1))
                == .start(on: 1, dial: nil)
        )
    }

    @Test("lets requests wait in order at the limit, and refuses what finds no place")
    func limits() {
        let limited = endpoint(connections: 1, pending: 2)
        var machine = machine(loops: 1, idleOn: [0], limited)
        #expect(machine.requestArrived(1, loop: nil, deadline: .never, endpoint: limited) == .start(on: 1, dial: nil))
        #expect(
            machine.requestArrived(2, loop: nil, deadline: .never, endpoint: limited) == .wait(dial: nil, alarm: nil)
        )
        #expect(
            machine.requestArrived(3, loop: nil, deadline: .never, endpoint: limited) == .wait(dial: nil, alarm: nil)
        )
        #expect(machine.requestArrived(4, loop: nil, deadline: .never, endpoint: limited) == .overflow)
        #expect(machine.connectionReleased(1) == .start(requests: [2], dials: []))
        #expect(machine.connectionReleased(1) == .start(requests: [3], dials: []))
        #expect(machine.connectionReleased(1) == .park)
    }

    @Test("forgets a request that gave up")
    func withdrawn() {
        let limited = endpoint(connections: 1)
        var machine = Machine(loops: 1)
        for id in 1...3 { _ = machine.requestArrived(UInt64(id), loop: 0, deadline: .never, endpoint: limited) }
        #expect(machine.requestWithdrawn(1) == true)
        #expect(machine.requestWithdrawn(1) == false)
        #expect(machine.connectionReady(1, capacity: 1) == .start(requests: [2], dials: []))
        #expect(machine.requestWithdrawn(3) == true)
        #expect(machine.connectionReleased(1) == .park)
    }

    @Test("fails the oldest request when a connection cannot be made, unless it has another to hope for")
    func connectFailure() {
        var machine = Machine(loops: 1)
        for id in 1...2 { _ = machine.requestArrived(UInt64(id), loop: 0, deadline: .never, endpoint: endpoint()) }
        #expect(machine.connectFailed(1) == .init(fail: [1]))
        // A third one arrives with its own attempt, and is served by the second's connection.
        _ = machine.requestArrived(3, loop: 0, deadline: .never, endpoint: endpoint())
        #expect(machine.connectionReady(2, capacity: 1) == .start(requests: [2], dials: []))
        #expect(machine.connectionReleased(2) == .start(requests: [3], dials: []))
        #expect(machine.connectFailed(3) == .init())
        machine.checkInvariants()
    }

    @Test("fails everybody who waits when the only attempt at a connection fails, as Envoy does")
    func noConnectionAtAll() {
        let limited = endpoint(connections: 1)
        var machine = Machine(loops: 1)
        for id in 1...3 { _ = machine.requestArrived(UInt64(id), loop: 0, deadline: .never, endpoint: limited) }
        #expect(machine.connectFailed(1) == .init(fail: [1, 2, 3]))
        #expect(machine.isEmpty)
    }

    @Test("makes another connection for those who wait while others prove that it can be done")
    func connectFailureBesideOthers() {
        let limited = endpoint(connections: 2)
        var machine = machine(loops: 1, idleOn: [0], limited)
        for id in 1...3 { _ = machine.requestArrived(UInt64(id), loop: 0, deadline: .never, endpoint: limited) }
        #expect(machine.connectFailed(2) == .init(fail: [2], dials: [.init(connection: 3, loop: 0)]))
    }

    @Test("gives a request another loop's idle connection when its own could not be made")
    func connectFailureWithIdle() {
        var machine = machine(idleOn: [1], endpoint())
        _ = machine.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint())
        #expect(machine.connectFailed(2) == .init(start: 1, connection: 1))
    }

    @Test("makes a new connection for those who wait when one breaks")
    func replacement() {
        let limited = endpoint(connections: 1)
        var machine = Machine(loops: 2)
        _ = machine.requestArrived(1, loop: 1, deadline: .never, endpoint: limited)
        #expect(machine.connectionReady(1, capacity: 1) == .start(requests: [1], dials: []))
        _ = machine.requestArrived(2, loop: 1, deadline: .never, endpoint: limited)
        #expect(machine.connectionClosed(1) == [.init(connection: 2, loop: 1)])
        #expect(machine.connectionReady(2, capacity: 1) == .start(requests: [2], dials: []))
        #expect(machine.connectionClosed(2).isEmpty)
        #expect(machine.isEmpty)
    }

    @Test("closes an idle connection after its time, but not one that was leased meanwhile")
    func idleTimeout() {
        var machine = machine(loops: 1, idleOn: [0, 0], endpoint())
        #expect(machine.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint()) == .start(on: 2, dial: nil))
        #expect(machine.idleTimedOut(1) == true)
        #expect(machine.idleTimedOut(1) == false)
        #expect(machine.idleTimedOut(2) == false)
        #expect(!machine.isEmpty)
        #expect(machine.connectionClosed(1).isEmpty)
        machine.checkInvariants()
    }

    @Test("rings for the earliest deadline of those who wait, and fails just those whose deadline has passed")
    func deadlines() {
        func at(_ nanoseconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: nanoseconds) }
        let limited = endpoint(connections: 1)
        var machine = Machine(loops: 1)
        let dial = Machine.Dial(connection: 1, loop: 0)
        #expect(
            machine.requestArrived(1, loop: 0, deadline: Deadline(at(50)), endpoint: limited)
                == .wait(dial: dial, alarm: at(50))
        )
        #expect(
            machine.requestArrived(2, loop: 0, deadline: Deadline(at(70)), endpoint: limited)
                == .wait(dial: nil, alarm: nil)
        )
        #expect(
            machine.requestArrived(3, loop: 0, deadline: Deadline(at(20)), endpoint: limited)
                == .wait(dial: nil, alarm: at(20))
        )
        #expect(machine.alarmRang(at: at(20)) == .init(expired: [3], rearm: at(50)))
        #expect(machine.connectionReady(1, capacity: 1) == .start(requests: [1], dials: []))
        #expect(machine.alarmRang(at: at(50)) == .init(expired: [], rearm: at(70)))
        #expect(machine.alarmRang(at: at(71)) == .init(expired: [2], rearm: nil))
    }

    @Test("gives up what is idle, and keeps what is in use")
    func condemnedIdle() {
        var machine = machine(loops: 1, idleOn: [0, 0, 0], endpoint())
        #expect(machine.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint()) == .start(on: 3, dial: nil))
        #expect(machine.condemnConnections(idleOnly: true).sorted() == [1, 2])
        machine.checkInvariants()
        #expect(
            machine.requestArrived(2, loop: 0, deadline: .never, endpoint: endpoint())
                == .wait(dial: .init(connection: 4, loop: 0), alarm: nil)
        )
        #expect(machine.connectionReleased(3) == .start(requests: [2], dials: []))
    }

    @Test("uses no connection of an older identity again, and those who wait get new ones")
    func condemned() {
        let limited = endpoint(connections: 2)
        var machine = machine(loops: 1, idleOn: [0, 0], limited)
        #expect(machine.requestArrived(1, loop: 0, deadline: .never, endpoint: limited) == .start(on: 2, dial: nil))
        #expect(machine.condemnConnections().sorted() == [1, 2])
        // What only waits for its last exchange does not count: new connections must be made before the old ones end.
        for id in [3, 4] {
            #expect(
                machine.requestArrived(UInt64(id), loop: 0, deadline: .never, endpoint: limited)
                    == .wait(dial: .init(connection: id, loop: 0), alarm: nil)
            )
        }
        #expect(machine.connectionReleased(2) == .close)
        machine.checkInvariants()
        #expect(machine.connectionClosed(2).isEmpty)
        #expect(machine.connectionReady(3, capacity: 1) == .start(requests: [3], dials: []))
        #expect(machine.connectionReady(4, capacity: 1) == .start(requests: [4], dials: []))
    }

    @Test("that is shut down fails those who wait, closes what is idle, and the rest as it ends")
    func shutdown() {
        let limited = endpoint(connections: 2)
        var machine = machine(loops: 1, idleOn: [0], limited)
        _ = machine.requestArrived(1, loop: 0, deadline: .never, endpoint: limited)
        _ = machine.requestArrived(2, loop: 0, deadline: .never, endpoint: limited)
        #expect(machine.shutDown() == .init(drain: [1], fail: [2]))
        #expect(machine.requestArrived(3, loop: 0, deadline: .never, endpoint: limited) == .shutDown)
        #expect(machine.connectionReady(2, capacity: 1) == .close)
        #expect(machine.connectionReleased(1) == .close)
        #expect(machine.connectionClosed(1).isEmpty)
        #expect(machine.connectionClosed(2).isEmpty)
        #expect(machine.retireIfEmpty() == true)
    }

    @Test("that is shut down at once does not wait for connections that are being made")
    func abandonedDials() {
        var machine = Machine(loops: 1)
        _ = machine.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint())
        #expect(machine.shutDown() == .init(drain: [], fail: [1]))
        machine.abandonDials()
        #expect(machine.isEmpty)
        #expect(machine.connectionReady(1, capacity: 1) == .close)
        #expect(machine.connectFailed(1) == .init())
        machine.checkInvariants()
    }

    @Test("that is empty can be taken out of service, once and for all")
    func retired() {
        var machine = machine(loops: 1, idleOn: [0], endpoint())
        #expect(machine.retireIfEmpty() == false)
        #expect(machine.connectionClosed(1).isEmpty)
        #expect(machine.retireIfEmpty() == true)
        #expect(machine.requestArrived(1, loop: 0, deadline: .never, endpoint: endpoint()) == .retired)
    }
}
