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
        let capacity: Int
        var random: MeshRandom
        var now: UInt64 = 1_000
        var nextRequest: UInt64 = 0
        var waiting: [UInt64] = []
        var deadlines: [UInt64: UInt64] = [:]
        var dialing: Set<Int> = []
        /// How many requests each connection carries that takes more.
        var ready: [Int: Int] = [:]
        /// How many each carries that takes no more.
        var closing: [Int: Int] = [:]
        var capacities: [Int: Int] = [:]
        var served = 0

        mutating func pick(_ set: some Collection<Int>) -> Int? {
            set.isEmpty ? nil : set.sorted()[Int(random.below(UInt64(set.count)))]
        }

        mutating func dialed(_ dial: ConnectionPoolStateMachine.Dial?) {
            guard let dial else { return }
            #expect(dialing.insert(dial.connection).inserted)
            #expect((0..<loops).contains(dial.loop))
        }

        var idle: [Int] { ready.filter { $0.value == 0 }.map(\.key) }
        var busy: [Int] { ready.merging(closing) { $0 + $1 }.filter { $0.value > 0 }.map(\.key) }

        mutating func lease(_ connection: Int) {
            let leased = (ready[connection] ?? capacity) + 1
            #expect(leased <= capacities[connection] ?? 0, "a connection carries no more than it can")
            ready[connection] = leased
            served += 1
        }

        mutating func follow(_ action: ConnectionPoolStateMachine.ConnectionAction, on connection: Int) {
            switch action {
            case .start(let requests, let dials):
                for request in requests {
                    #expect(waiting.first == request, "first come, first served")
                    waiting.removeAll { $0 == request }
                    lease(connection)
                }
                for dial in dials { dialed(dial) }
            case .park:
                let hasRoom = ready[connection] ?? 0 < capacities[connection] ?? 0
                #expect(waiting.isEmpty || !hasRoom, "no connection rests while somebody waits")
            case .close: condemn(connection)
            }
        }

        mutating func condemn(_ connection: Int) {
            guard let leased = ready.removeValue(forKey: connection) else { return }
            closing[connection] = leased
        }

        mutating func becomeReady(_ connection: Int) {
            dialing.remove(connection)
            ready[connection] = 0
            capacities[connection] = capacity
            follow(machine.connectionReady(connection, capacity: capacity), on: connection)
        }

        mutating func release(_ connection: Int) {
            if let leased = ready[connection] { ready[connection] = leased - 1 }
            if let leased = closing[connection] { closing[connection] = leased - 1 }
            follow(machine.connectionReleased(connection), on: connection)
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
            case .start(let connection, let dial):
                #expect(ready[connection] != nil, "only a connection that takes requests is leased")
                lease(connection)
                dialed(dial)
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
            for dial in action.dials { dialed(dial) }
            if let request = action.start, let other = action.connection {
                #expect(waiting.first == request)
                waiting.removeFirst()
                lease(other)
            }
        }

        mutating func breakSome() {
            guard let connection = pick(Array(ready.keys) + closing.keys) else { return }
            ready[connection] = nil
            closing[connection] = nil
            for dial in machine.connectionClosed(connection) { dialed(dial) }
        }

        mutating func step() {
            now += random.below(20)
            switch random.below(16) {
            case 0..<5: arrive()
            case 5..<8:
                if let connection = pick(dialing) { becomeReady(connection) }
            case 8: failDial()
            case 9..<12:
                if let connection = pick(busy) { release(connection) }
            case 12: breakSome()
            case 13:
                guard let connection = pick(idle) else { return }
                #expect(machine.idleTimedOut(connection) == true)
                condemn(connection)
            case 14:
                if random.below(20) == 0 {
                    let condemned = machine.condemnConnections()
                    #expect(condemned.sorted() == ready.keys.sorted())
                    for connection in condemned { condemn(connection) }
                } else if random.below(4) == 0 {
                    guard let connection = pick(ready.keys) else { return }
                    condemn(connection)
                    for dial in machine.connectionDraining(connection) { dialed(dial) }
                } else if capacity > 1, random.below(4) == 0 {
                    guard let connection = pick(ready.keys) else { return }
                    let changed = Int(random.below(UInt64(capacity * 2)))
                    capacities[connection] = max(changed, ready[connection] ?? 0)
                    let action = machine.capacityChanged(connection, to: changed)
                    capacities[connection] = changed
                    follow(action, on: connection)
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
            #expect(dialing.count + ready.count <= endpoint.maximumConnections)
            #expect(machine.pending.count == waiting.count)
            #expect(machine.active == ready.values.reduce(0, +) + closing.values.reduce(0, +))
            #expect(machine.connections.count == dialing.count + ready.count + closing.count)
        }

        /// Everybody who waits is served once the network behaves.
        mutating func drain() {
            var steps = 0
            while !waiting.isEmpty, steps < 10_000 {
                steps += 1
                if let connection = dialing.min() {
                    becomeReady(connection)
                } else if let connection = busy.min() {
                    release(connection)
                } else if let connection = closing.keys.min() ?? ready.keys.min() {
                    closing[connection] = nil
                    ready[connection] = nil
                    for dial in machine.connectionClosed(connection) { dialed(dial) }
                } else {
                    break
                }
            }
            #expect(waiting.isEmpty, "nobody waits for ever")
        }
    }

    @Test(
        "never breaks a limit, loses a request, or lets one wait for nothing",
        arguments: [1, 2, 3, 4, 5, 6],
        [1, 5]
    )
    func walk(seed: UInt64, capacity: Int) {
        let loops = Int(seed % 3) + 1
        let version: ConnectionOptions.HTTPVersion = capacity == 1 ? .http1 : .http2
        var walk = Walk(
            machine: ConnectionPoolStateMachine(loops: loops, httpVersion: version),
            endpoint: Endpoint(
                address: EndpointAddress(host: "127.0.0.1", port: 1),
                maximumPendingRequests: 8,
                maximumConnections: Int(seed),
                connection: ConnectionOptions(httpVersion: version, preconnectRatio: seed == 4 ? 2 : 1)
            ),
            loops: loops,
            capacity: capacity,
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
