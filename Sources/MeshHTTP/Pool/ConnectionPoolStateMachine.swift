// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Decides which connection carries which request to one endpoint.
///
/// A connection of HTTP/1.1 carries one request at a time. It belongs to one event loop, and a request that runs on a
/// loop gets a connection of that loop if one is idle or may be made; only at the limit does it take another loop's.
/// The limits hold for the endpoint as a whole, which is why one machine looks after all loops.
///
/// ```
///            dial                 ready                   request
///   (none) ───────▶ dialing ────────────────▶ idle ◀───────────────▶ leased
///                      │ failed                 │ released             │
///                      ▼                        ▼ timed out            ▼ broken, condemned
///                   (none) ◀─────────────────────────── closing ◀──────
///                                  closed
/// ```
/// The most recently used connection goes first, so that those which are not needed grow idle and time out.
struct ConnectionPoolStateMachine {
    enum ConnectionState: Equatable {
        case dialing
        case idle
        case leased
        case closing
    }

    struct Connection: Equatable {
        var loop: Int
        var state: ConnectionState
        /// It must not take another request: its identity or its endpoint is out of date.
        var isCondemned = false
    }

    private struct Idle {
        var connection: Int
        /// Grows with every release: the largest is the most recently used.
        var stamp: UInt64
    }

    private enum Phase {
        case running, shutDown, retired
    }

    private var phase = Phase.running
    private(set) var connections: [Int: Connection] = [:]
    private(set) var pending = PendingQueue()
    private(set) var dialing = 0
    /// Connections that count against the limit: all but those that are closing.
    private(set) var live = 0
    private var idle: [[Idle]]
    private var nextStamp: UInt64 = 0
    private var nextConnection = 0
    private var nextLoop = 0
    private var maximumConnections = 1
    private var alarm: MeshInstant?

    /// - Precondition: `loops` is greater than zero.
    init(loops: Int) {
        precondition(loops > 0)
        self.idle = Array(repeating: [], count: loops)
    }

    var isEmpty: Bool { connections.isEmpty && pending.isEmpty }
    var idleCount: Int { idle.reduce(0) { $0 + $1.count } }

    // MARK: Requests

    /// A request wants a connection.
    /// - Parameters:
    ///   - loop: The loop that the request runs on; `nil` if it runs on none of the group's.
    ///   - endpoint: The limits in force, which a configuration push may have changed since the last request.
    mutating func requestArrived(
        _ request: UInt64,
        loop: Int?,
        deadline: Deadline,
        endpoint: Endpoint
    ) -> RequestAction {
        switch phase {
        case .shutDown: return .shutDown
        case .retired: return .retired
        case .running: break
        }
        maximumConnections = max(1, endpoint.maximumConnections)
        let mayDial = live < maximumConnections
        if let connection = popIdle(of: loop, orAny: loop == nil || !mayDial) {
            connections[connection]?.state = .leased
            return .start(on: connection)
        }
        guard pending.count < endpoint.maximumPendingRequests else { return .overflow }
        let home = loop ?? takeTurn()
        pending.append(PendingQueue.Entry(id: request, loop: home, deadline: deadline))
        return .wait(dial: mayDial ? dial(on: home) : nil, alarm: wantAlarm(at: deadline))
    }

    /// A waiting request gave up.
    /// - Returns: Whether it was waiting still.
    mutating func requestWithdrawn(_ request: UInt64) -> Bool {
        pending.remove(request)
    }

    /// The pool's alarm has rung.
    mutating func alarmRang(at now: MeshInstant) -> AlarmAction {
        let expired = pending.removeExpired(at: now)
        alarm = pending.earliestDeadline
        return AlarmAction(expired: expired, rearm: alarm)
    }

    // MARK: Connections

    /// A connection was made.
    mutating func connectionReady(_ connection: Int) -> ConnectionAction {
        guard connections[connection]?.state == .dialing else { return .close }
        dialing -= 1
        return offer(connection)
    }

    /// A connection could not be made.
    mutating func connectFailed(_ connection: Int) -> ConnectFailureAction {
        guard connections[connection]?.state == .dialing else { return ConnectFailureAction() }
        connections[connection] = nil
        dialing -= 1
        live -= 1
        var action = ConnectFailureAction()
        // Whoever has another attempt under way goes on waiting for it.
        guard pending.count > dialing, let request = pending.popFirst() else { return action }
        if let other = popIdle(of: nil, orAny: true) {
            connections[other]?.state = .leased
            action.start = request.id
            action.connection = other
        } else {
            // Without any connection to the endpoint the next attempt would most likely fail too, as much later as the
            // endpoint's timeout says: Envoy, too, fails all that wait.
            action.fail = [request.id] + (live == 0 ? pending.removeAll() : [])
        }
        action.dial = replacement()
        return action
    }

    /// An exchange ended and its connection can carry another.
    mutating func connectionReleased(_ connection: Int) -> ConnectionAction {
        guard connections[connection]?.state == .leased else { return .close }
        return offer(connection)
    }

    /// A connection is gone, for whatever reason.
    /// - Returns: A connection to make in its place, if requests wait for one.
    mutating func connectionClosed(_ connection: Int) -> Dial? {
        guard let closed = connections.removeValue(forKey: connection) else { return nil }
        switch closed.state {
        case .closing: break
        case .idle: idle[closed.loop].removeAll { $0.connection == connection }
        case .dialing: dialing -= 1
        case .leased: break
        }
        if closed.state != .closing { live -= 1 }
        return replacement()
    }

    /// A connection was idle for too long.
    /// - Returns: Whether to close it; it may have been leased since.
    mutating func idleTimedOut(_ connection: Int) -> Bool {
        guard let state = connections[connection], state.state == .idle else { return false }
        idle[state.loop].removeAll { $0.connection == connection }
        beginClosing(connection)
        return true
    }

    // MARK: The pool as a whole

    /// Connections that were made until now must not take another request.
    /// - Returns: The idle ones, to close now; busy ones follow as their exchanges end.
    mutating func condemnConnections() -> [Int] {
        for (id, connection) in connections where connection.state == .leased {
            connections[id]?.isCondemned = true
        }
        let closing = idle.flatMap { $0.map(\.connection) }
        for index in idle.indices { idle[index].removeAll() }
        for connection in closing { beginClosing(connection) }
        return closing
    }

    /// No more requests are taken.
    mutating func shutDown() -> ShutdownAction {
        phase = .shutDown
        return ShutdownAction(close: condemnConnections(), fail: pending.removeAll())
    }

    /// Nobody waits for the connections that are being made; they are closed when they are ready.
    mutating func abandonDials() {
        for (id, connection) in connections where connection.state == .dialing {
            connections[id] = nil
            dialing -= 1
            live -= 1
        }
    }

    /// Takes the pool out of service if nothing is left in it.
    /// - Returns: Whether it is out of service.
    mutating func retireIfEmpty() -> Bool {
        guard isEmpty else { return false }
        phase = .retired
        return true
    }

    // MARK: Private

    private mutating func offer(_ connection: Int) -> ConnectionAction {
        guard let state = connections[connection], !state.isCondemned, phase == .running else {
            beginClosing(connection)
            return .close
        }
        if let request = pending.popFirst() {
            connections[connection]?.state = .leased
            return .start(request: request.id)
        }
        connections[connection]?.state = .idle
        nextStamp += 1
        idle[state.loop].append(Idle(connection: connection, stamp: nextStamp))
        return .park
    }

    private mutating func popIdle(of loop: Int?, orAny: Bool) -> Int? {
        if let loop, let own = idle[loop].popLast() { return own.connection }
        guard orAny else { return nil }
        let recent = idle.indices.max { idle[$0].last?.stamp ?? 0 < idle[$1].last?.stamp ?? 0 }
        return recent.flatMap { idle[$0].popLast()?.connection }
    }

    /// A connection for the first request that has no attempt of its own, if there is one and room for it.
    private mutating func replacement() -> Dial? {
        guard phase == .running, pending.count > dialing, live < maximumConnections else { return nil }
        return dial(on: pending[dialing].loop)
    }

    private mutating func dial(on loop: Int) -> Dial {
        nextConnection += 1
        connections[nextConnection] = Connection(loop: loop, state: .dialing)
        dialing += 1
        live += 1
        return Dial(connection: nextConnection, loop: loop)
    }

    private mutating func beginClosing(_ connection: Int) {
        guard connections[connection] != nil else { return }
        connections[connection]?.state = .closing
        live -= 1
    }

    private mutating func takeTurn() -> Int {
        defer { nextLoop = (nextLoop + 1) % idle.count }
        return nextLoop
    }

    private mutating func wantAlarm(at deadline: Deadline) -> MeshInstant? {
        guard !deadline.isNever, alarm.map({ deadline.instant < $0 }) ?? true else { return nil }
        alarm = deadline.instant
        return alarm
    }

    /// Checks what must always hold, in debug builds.
    func checkInvariants() {
        assert(dialing == connections.values.count { $0.state == .dialing }, "dialing is counted")
        assert(live == connections.values.count { $0.state != .closing }, "live connections are counted")
        for (loop, stack) in idle.enumerated() {
            for entry in stack {
                assert(connections[entry.connection] == Connection(loop: loop, state: .idle), "idle is idle, at home")
            }
        }
        assert(idleCount == connections.values.count { $0.state == .idle }, "every idle connection can be found")
        if pending.count > dialing {
            let isClosing = connections.values.contains { $0.state == .closing }
            assert(idleCount == 0 && (live >= maximumConnections || isClosing), "nobody waits for nothing")
        }
    }
}
