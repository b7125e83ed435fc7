// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshHTTP

/// Drives the machine as the network and impatient callers would, and keeps its own account of every request.
@Suite("A connection pool's machine, on a random walk")
struct ConnectionPoolRandomWalkTests {
    private struct Walk {
        var machine: ConnectionPoolStateMachine
        let endpoint: Endpoint
        let loops: Int
        var random: MeshRandom
        var now: UInt64 = 1_000
        var nextRequest: UInt64 = 0
        var waiting: [UInt64] = []
        var deadlines: [UInt64: UInt64] = [:]
        var dialing: Set<Int> = []
        var idle: Set<Int> = []
        var leased: [Int: UInt64] = [:]
        var closing: Set<Int> = []
        var served = 0

        mutating func pick(_ set: some Collection<Int>) -> Int? {
            set.isEmpty ? nil : set.sorted()[Int(random.below(UInt64(set.count)))]
        }

        mutating func dialed(_ dial: ConnectionPoolStateMachine.Dial?) {
            guard let dial else { return }
            #expect(dialing.insert(dial.connection).inserted)
            #expect((0..<loops).contains(dial.loop))
        }

        mutating func lease(_ connection: Int, to request: UInt64) {
            #expect(leased.updateValue(request, forKey: connection) == nil, "a connection carries one request")
            served += 1
        }

        mutating func follow(_ action: ConnectionPoolStateMachine.ConnectionAction, on connection: Int) {
            switch action {
            case .start(let request):
                #expect(waiting.first == request, "first come, first served")
                waiting.removeAll { $0 == request }
                lease(connection, to: request)
            case .park:
                #expect(waiting.isEmpty, "no connection rests while somebody waits")
                idle.insert(connection)
            case .close: closing.insert(connection)
            }
        }

        mutating func arrive() {
            nextRequest += 1
            let loop = random.below(3) == 0 ? nil : Int(random.below(UInt64(loops)))
            let deadline = random.below(4) == 0 ? now + random.below(500) + 1 : nil
            let action = machine.requestArrived(
                nextRequest,
                loop: loop,
                deadline: deadline.map { Deadline(MeshInstant(nanoseconds: $0)) } ?? .never,
                endpoint: endpoint
            )
            switch action {
            case .start(let connection):
                #expect(idle.remove(connection) != nil, "only an idle connection is leased")
                lease(connection, to: nextRequest)
            case .wait(let dial, _):
                waiting.append(nextRequest)
                deadlines[nextRequest] = deadline
                dialed(dial)
            case .overflow: #expect(waiting.count == endpoint.maximumPendingRequests)
            case .shutDown, .retired: Issue.record("nobody shut the pool down")
            }
        }

        mutating func failDial() {
            guard let connection = pick(dialing) else { return }
            dialing.remove(connection)
            let action = machine.connectFailed(connection)
            #expect(Array(waiting.prefix(action.fail.count)) == action.fail, "the oldest fail first")
            waiting.removeFirst(action.fail.count)
            dialed(action.dial)
            if let request = action.start, let other = action.connection {
                #expect(waiting.first == request)
                waiting.removeFirst()
                #expect(idle.remove(other) != nil)
                lease(other, to: request)
            }
        }

        mutating func breakSome() {
            guard let connection = pick(idle.union(leased.keys).union(closing)) else { return }
            idle.remove(connection)
            leased[connection] = nil
            closing.remove(connection)
            dialed(machine.connectionClosed(connection))
        }

        mutating func step() {
            now += random.below(20)
            switch random.below(16) {
            case 0..<5: arrive()
            case 5..<8:
                guard let connection = pick(dialing) else { return }
                dialing.remove(connection)
                follow(machine.connectionReady(connection), on: connection)
            case 8: failDial()
            case 9..<12:
                guard let connection = pick(leased.keys) else { return }
                leased[connection] = nil
                follow(machine.connectionReleased(connection), on: connection)
            case 12: breakSome()
            case 13:
                guard let connection = pick(idle) else { return }
                #expect(machine.idleTimedOut(connection) == true)
                idle.remove(connection)
                closing.insert(connection)
            case 14:
                if random.below(20) == 0 {
                    for connection in machine.condemnConnections() {
                        #expect(idle.remove(connection) != nil)
                        closing.insert(connection)
                    }
                } else if let request = waiting.randomElement(using: &random) {
                    #expect(machine.requestWithdrawn(request) == true)
                    waiting.removeAll { $0 == request }
                }
            default:
                let action = machine.alarmRang(at: MeshInstant(nanoseconds: now))
                let late = waiting.filter { deadlines[$0].map { $0 <= now } ?? false }
                #expect(action.expired == late)
                waiting.removeAll { late.contains($0) }
            }
        }

        func check() {
            machine.checkInvariants()
            #expect(dialing.count + idle.count + leased.count <= endpoint.maximumConnections)
            #expect(machine.pending.count == waiting.count)
            #expect(machine.connections.count == dialing.count + idle.count + leased.count + closing.count)
        }

        /// Everybody who waits is served once the network behaves.
        mutating func drain() {
            var steps = 0
            while !waiting.isEmpty, steps < 10_000 {
                steps += 1
                if let connection = dialing.min() {
                    dialing.remove(connection)
                    follow(machine.connectionReady(connection), on: connection)
                } else if let connection = leased.keys.min() {
                    leased[connection] = nil
                    follow(machine.connectionReleased(connection), on: connection)
                } else if let connection = closing.min() {
                    closing.remove(connection)
                    dialed(machine.connectionClosed(connection))
                } else {
                    break
                }
            }
            #expect(waiting.isEmpty, "nobody waits for ever")
        }
    }

    @Test("never breaks a limit, loses a request, or lets one wait for nothing", arguments: [1, 2, 3, 4, 5, 6])
    func walk(seed: UInt64) {
        let loops = Int(seed % 3) + 1
        var walk = Walk(
            machine: ConnectionPoolStateMachine(loops: loops),
            endpoint: Endpoint(
                address: EndpointAddress(host: "127.0.0.1", port: 1),
                maximumPendingRequests: 8,
                maximumConnections: Int(seed)
            ),
            loops: loops,
            random: MeshRandom(seed: seed)
        )
        for _ in 0..<10_000 {
            walk.step()
            walk.check()
        }
        #expect(walk.served > 500)
        walk.drain()
        walk.check()
    }
}
